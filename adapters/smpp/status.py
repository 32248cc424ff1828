"""`command_status`: names, and what each asks of us. Source: SMPP 3.4 §5.1.3."""

from __future__ import annotations

from typing import Final

from smpplib import consts

OK: Final[int] = consts.SMPP_ESME_ROK
BAD_COMMAND: Final[int] = consts.SMPP_ESME_RINVCMDID
IN_NO_STATE_TO: Final[int] = consts.SMPP_ESME_RINVBNDSTS
TRY_LATER: Final[int] = consts.SMPP_ESME_RX_T_APPN
"""Our answer to a request that finds no place: the centre may bring it again."""
NEVER: Final[int] = consts.SMPP_ESME_RX_P_APPN
"""Our answer to a request that can't be understood."""
TOO_FAST: Final[int] = consts.SMPP_ESME_RTHROTTLED
"""Our answer to one more than was agreed."""
THROTTLING: Final[frozenset[int]] = frozenset((consts.SMPP_ESME_RTHROTTLED, consts.SMPP_ESME_RMSGQFUL))
"""Too many for the centre now."""
RETRYABLE: Final[frozenset[int]] = THROTTLING | {consts.SMPP_ESME_RSYSERR, IN_NO_STATE_TO, TRY_LATER}
"""Nothing is wrong with the message itself."""

_NAMES: Final = {
    value: name.removeprefix("SMPP_")
    for name, value in vars(consts).items()
    if name.startswith("SMPP_ESME_R")
}


def name_of(status: int) -> str:
    """`ESME_RTHROTTLED`; a vendor's own by number."""
    return _NAMES.get(status) or f"{status:#010x}"
