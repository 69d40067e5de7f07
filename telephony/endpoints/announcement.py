"""Says by mDNS where a door is, so that clients in its network find it. Imported only where that is wanted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import ifaddr
import structlog
from zeroconf import Error, InterfaceChoice
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from telephony.endpoints.security import is_loopback

log = structlog.get_logger()

_EVERY_ADDRESS = ("", "0.0.0.0", "::")


@contextlib.asynccontextmanager
async def announced(kind: str, host: str, port: int) -> AsyncIterator[None]:
    """Announces a door inside the context. Where that fails, the log says so and the door is there all the same.

    Args:
        kind: of the service, such as `_wyoming._tcp.local.`
        host: the address that it listens on; every one of this machine where it is none in particular.
    """
    announcing = asyncio.create_task(_announce(kind, host, port))
    try:
        yield
    finally:
        announcing.cancel()
        await asyncio.gather(announcing, return_exceptions=True)


async def _announce(kind: str, host: str, port: int) -> None:
    """Until it is cancelled."""
    everywhere = host in _EVERY_ADDRESS
    found = _addresses() if everywhere else [host]
    name = f"kokoro-telephony-{socket.gethostname().partition('.')[0]}.{kind}"
    info = AsyncServiceInfo(kind, name, port=port, parsed_addresses=found)
    try:
        network = AsyncZeroconf(interfaces=InterfaceChoice.All if everywhere else found)
    except OSError as error:
        log.warning("announcement_failed", kind=kind, error=str(error))
        return
    try:
        await network.async_register_service(info, allow_name_change=True)
        log.info("announced", kind=kind, name=info.name, addresses=found, port=port)
        await asyncio.get_running_loop().create_future()
    except (OSError, Error) as error:
        log.warning("announcement_failed", kind=kind, error=str(error) or type(error).__name__)
    finally:
        # Says goodbye as well.
        await network.async_close()


def _addresses() -> list[str]:
    """Those of this machine that others reach, IPv4."""
    found = (each.ip for adapter in ifaddr.get_adapters() for each in adapter.ips)
    return [address for address in found if isinstance(address, str) and not is_loopback(address)]
