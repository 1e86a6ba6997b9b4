"""Watch a device from anywhere in the network.  python subscriber.py broker.local living-room"""

import asyncio
import sys

from edge import subscribe


async def main(host, device, port=None):
    async for message in subscribe(host, device, port=port and int(port)):
        if message.topic == "state":
            state = message.payload
            print(f"{message.device}: {state.label} {state.confidence:.0%}", flush=True)


asyncio.run(main(*sys.argv[1:]))
