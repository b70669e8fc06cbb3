"""Arrow without pandas, where pandas is installed for forecasts."""

import json
import subprocess
import sys

ASK = """
import json, sys
from grange.adapters.arrow import settle_arrow
settle_arrow()
import numpy, pyarrow
found = pyarrow.chunked_array([pyarrow.array(numpy.arange(3))]).to_numpy().tolist()
found += pyarrow.array([4, None]).fill_null(5).to_numpy().tolist()
early = "pandas" in sys.modules
import pandas
print(json.dumps([found, early, float(pandas.Series([1.0, 2.0]).sum())]))
"""


def test_numbers_go_to_numpy_and_back_without_pandas_which_comes_to_those_who_ask():
    told = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == [[0, 1, 2, 4, 5], False, 3.0]
