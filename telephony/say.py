"""`python -m telephony.say` speaks through the running service: see `telephony/tools/say.py`."""

import sys

from telephony.tools.say import main

if __name__ == "__main__":
    sys.exit(main())
