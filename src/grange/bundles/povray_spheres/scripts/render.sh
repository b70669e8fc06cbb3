#!/bin/sh
# Renders some frames of the animation with POV-Ray, one after the other.
#
#   render.sh POVRAY SCENE RANGE COUNT OUTPUT WIDTH HEIGHT      RANGE as OpenJD writes it, e.g. 5-8
#
# A frame gets its final name only when it is whole.
set -eu
povray=$1 scene=$2 range=$3 count=$4 output=$5 width=$6 height=$7
frame=${range%%-*}
last=${range##*-}
mkdir -p "$output"
# POV-Ray's clock runs from the first frame to the last; a single frame has no such span.
final=$count
[ "$final" -gt 1 ] || final=2
while [ "$frame" -le "$last" ]; do
  path=$output/frame_$(printf %04d "$frame").png
  echo "grange: frame $frame start"
  # POV-Ray numbers its files by itself, with as many digits as the last frame has.
  "$povray" "+I$scene" "+O$path.partial_.png" "+W$width" "+H$height" +A0.2 +FN8 +WT1 -D +V \
    +KFI1 "+KFF$final" +KC "+SF$frame" "+EF$frame" 2>&1
  mv "$path.partial_"*"$frame.png" "$path"
  echo "grange: frame $frame done $path"
  frame=$((frame + 1))
done
