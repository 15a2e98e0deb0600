"""The simulated Resource Manager's own address, for the one request that the program sends by itself."""

import asyncio
import json

from rehearsal.azure import RESOURCE_TYPES
from rehearsal.store import Store

OPERATION = "/operations/1"
"""Where an update's progress is. Each one succeeds at once."""


async def serve(store: Store) -> int:
    """Serve updates of objects (PATCH) on a loopback port. Returns the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        if path == OPERATION:
            await say(writer, "200 OK", json.dumps({"status": "Succeeded"}))
            return
        [length] = [line.partition(":")[2] for line in head.lower().splitlines() if "content-length" in line]
        properties = json.loads(await reader.readexactly(int(length)))["properties"]
        found = store.get(path.partition("?")[0])
        if found and method == "PATCH":
            kept = {k: v for k, v in properties.items() if k not in RESOURCE_TYPES[found["type"]].write_only}
            store.put(found["id"], found["type"], found["inputs"] | kept, found["outputs"])
        port = writer.get_extra_info("sockname")[1]
        operation = f"Azure-AsyncOperation: http://127.0.0.1:{port}{OPERATION}\r\n"
        await (say(writer, "202 Accepted", "", operation) if found else say(writer, "404 Not Found", ""))

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    SERVERS.append(server)
    port: int = server.sockets[0].getsockname()[1]
    return port


async def say(writer: asyncio.StreamWriter, status: str, body: str, more: str = "") -> None:
    head = f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write((head + body).encode())
    await writer.drain()
    writer.close()


SERVERS: list[asyncio.Server] = []
"""A reference to the server, since one without references stops."""
