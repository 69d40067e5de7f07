"""`python -m telephony.report` sums up the request log: see `telephony/tools/report.py`."""

import sys

from telephony.tools.report import main

if __name__ == "__main__":
    sys.exit(main())
