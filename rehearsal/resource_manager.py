"""The simulated Resource Manager's own address, for the one request that the program sends by itself."""

import asyncio
import json

from rehearsal.store import Store


async def serve(store: Store) -> int:
    """Serve updates of objects (PATCH) on a loopback port. Returns the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        [length] = [line.partition(":")[2] for line in head.lower().splitlines() if "content-length" in line]
        properties = json.loads(await reader.readexactly(int(length)))["properties"]
        found = store.get(path.partition("?")[0])
        if found and method == "PATCH":
            store.put(found["id"], found["type"], found["inputs"] | properties, found["outputs"])
        status = "202 Accepted" if found else "404 Not Found"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    SERVERS.append(server)
    port: int = server.sockets[0].getsockname()[1]
    return port


SERVERS: list[asyncio.Server] = []
"""A reference to the server, since one without references stops."""
