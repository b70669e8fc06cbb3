"""The frames of a layer as a sequence with tiles (ledger S0-46)."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRange:
    """First, last, step; how file numbers differ; how many tiles make a frame."""

    start: int
    end: int
    step: int = 1
    file_offset: int = 0
    tiles: int = 1

    def __post_init__(self) -> None:
        if self.step < 1 or self.tiles < 1 or self.end < self.start:
            raise ValueError(
                f"frames {self.start} to {self.end}, step {self.step}, {self.tiles} tiles are "
                "no sequence"
            )

    @property
    def total_one_tile(self) -> int:
        """Frames, however many tiles they have."""
        return (self.end - self.start) // self.step + 1

    @property
    def total(self) -> int:
        """Frames, each tile counted."""
        return self.total_one_tile * self.tiles

    def raw_index(self, file_frame: float, tile: int = 0) -> int:
        """Return the index of a frame: below the sequence −1, beyond it the last one (fn2F)."""
        index = math.floor((file_frame - self.file_offset - self.start) / self.step + 0.5)
        if index < 0:
            return -1
        return min(index + self.total_one_tile * tile, self.total - 1)

    def index_of(self, file_frame: float, tile: int = 0) -> int | None:
        """Return the index of a frame by the number in its file name, or None out of range."""
        index = math.floor((file_frame - self.file_offset - self.start) / self.step + 0.5)
        if not (0 <= index < self.total_one_tile and 0 <= tile < self.tiles):
            return None
        return index + self.total_one_tile * tile
