"""grpcio (asyncio) as a peer of the load matrix: `loads.py server|client [--cert F --key F] [--windows small]`.

One line of JSON on standard input is one request, one on standard output its answer; see
scripts/conformance/loads/protocol.ts.
"""

import asyncio
import json
import sys
import time

import grpc

SIZE_MAX, PERIOD = 64 << 20, 251
PATTERN = (bytes(range(PERIOD)) * (SIZE_MAX // PERIOD + 2))[: SIZE_MAX + PERIOD]
NEVER_COUNT, CALL_TIME_MAX_S, HELD_S = 1_000_000, 50, 0.5
STATS = dict(running=0, started=0, orderly=0, truncated=0, corrupt=0, open=0, heldMs=0)
SETTINGS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
# C-core's nearest to small windows: no probing for larger ones.
SMALL = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65535)]


class Corrupt(Exception):
    pass


class SourceError(Exception):
    pass


def pattern(index, size):
    return PATTERN[index % PERIOD : index % PERIOD + size]


def check(message, index, size):
    if len(message) != size:
        raise Corrupt(f"message {index} has {len(message)} octets; expected {size}")
    if message != pattern(index, size):
        raise Corrupt(f"message {index} differs")


class Running:
    def __enter__(self):
        STATS["started"] += 1
        STATS["running"] += 1

    def __exit__(self, kind, error, _trace):
        STATS["running"] -= 1
        if kind is Corrupt:
            STATS["corrupt"] += 1


def plan_of(context):
    given = dict(context.invocation_metadata())
    return int(given["x-count"]), int(given["x-size"]), given["x-hold"] == "1"


def ended(count, wanted, context):
    # The iterator of a cancelled call just ends: C-core has no error for it here.
    if context.cancelled() or context.done():
        return
    STATS["orderly"] += 1
    if count != wanted:
        STATS["truncated"] += 1


async def unary(request, context):
    with Running():
        _, size, hold = plan_of(context)
        check(request, 0, size)
        if hold:
            await asyncio.Event().wait()
        return pattern(0, size)


async def upload(requests, context):
    with Running():
        wanted, size, _ = plan_of(context)
        count = 0
        async for request in requests:
            check(request, count, size)
            count += 1
        ended(count, wanted, context)
        return count.to_bytes(4, "big")


async def download(_request, context):
    with Running():
        count, size, hold = plan_of(context)
        for index in range(1 if hold else count):
            await context.write(pattern(index, size))
        if hold:
            await asyncio.Event().wait()


async def bidi(requests, context):
    with Running():
        wanted, size, _ = plan_of(context)
        count = 0
        async for request in requests:
            check(request, count, size)
            count += 1
            await context.write(request)
        ended(count, wanted, context)


async def serve(flags):
    settings = SETTINGS + (SMALL if flags.get("--windows") == "small" else [])
    server = grpc.aio.server(options=settings)
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Upload": grpc.stream_unary_rpc_method_handler(upload),
        "Download": grpc.unary_stream_rpc_method_handler(download),
        "Bidi": grpc.stream_stream_rpc_method_handler(bidi),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("loads.Load", handlers)])
    if "--cert" in flags:
        with open(flags["--key"], "rb") as key, open(flags["--cert"], "rb") as cert:
            secure = grpc.ssl_server_credentials([(key.read(), cert.read())])
        port = server.add_secure_port("127.0.0.1:0", secure)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


def held(cell):
    return cell["ending"] not in ("complete", "break", "throw")


class Calls:
    def __init__(self, cell):
        self.cell = cell
        settings = SETTINGS + (SMALL if cell["windows"] == "small" else [])
        compression = grpc.Compression.Gzip if cell["security"] == "gzip" else None
        address = f"127.0.0.1:{cell['port']}"
        if cell["security"] == "tls":
            with open(cell["caFile"], "rb") as file:
                secure = grpc.ssl_channel_credentials(file.read())
            override = [("grpc.ssl_target_name_override", "localhost")]
            self.channel = grpc.aio.secure_channel(address, secure, settings + override, compression)
        else:
            self.channel = grpc.aio.insecure_channel(address, settings, compression)

    def options(self, cell):
        never = (held(cell) or cell["ending"] == "throw") and cell["kind"] != "server"
        metadata = (
            ("x-count", str(NEVER_COUNT if never else cell["count"])),
            ("x-size", str(cell["size"])),
            ("x-hold", "1" if held(cell) else "0"),
        )
        return {"metadata": metadata, "timeout": HELD_S if cell["ending"] == "deadline" else CALL_TIME_MAX_S}

    async def one(self, cell):
        options = self.options(cell)
        if cell["kind"] == "unary":
            reply = await self.channel.unary_unary("/loads.Load/Unary")(pattern(0, cell["size"]), **options)
            return check(reply, 0, cell["size"])
        if cell["kind"] == "server":
            return await self.receive(cell, self.channel.unary_stream("/loads.Load/Download")(b"", **options))
        if cell["kind"] == "client":
            return await self.upload(cell, self.channel.stream_unary("/loads.Load/Upload")(**options))
        return await self.bidi(cell, self.channel.stream_stream("/loads.Load/Bidi")(**options))

    async def send(self, cell, call):
        for index in range(cell["count"]):
            await call.write(pattern(index, cell["size"]))
            if cell["ending"] == "throw":
                call.cancel()
                raise SourceError
            if held(cell):
                return
        await call.done_writing()

    async def upload(self, cell, call):
        try:
            await self.send(cell, call)
        except asyncio.InvalidStateError:
            pass
        reply = await call
        if reply != cell["count"].to_bytes(4, "big"):
            raise Corrupt(f"the server took {reply.hex()}; {cell['count']} were sent")

    async def bidi(self, cell, call):
        sender = asyncio.ensure_future(self.send(cell, call))
        try:
            if cell["ending"] == "throw":
                return await sender
            await self.receive(cell, call)
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def receive(self, cell, call):
        index = 0
        try:
            async for response in call:
                check(response, index, cell["size"])
                index += 1
                if cell["ending"] == "break":
                    return
        finally:
            call.cancel()
        if index != cell["count"]:
            raise Corrupt(f"an orderly end after {index} of {cell['count']} responses")


async def outcome_of(calls, cell):
    try:
        await calls.one(cell)
        return "OK"
    except SourceError:
        return "SOURCE"
    except Corrupt as error:
        return f"CORRUPT: {error}"
    except asyncio.CancelledError:
        return "CANCELLED"
    except grpc.RpcError as error:
        name = error.code().name
        if name in ("CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE"):
            return name
        return f"{name} ({error.details()[:160]})"
    except Exception as error:
        return f"{type(error).__name__} ({error})"[:160]


async def other_calls(calls, done):
    cell = dict(kind="unary", size=100, count=1, ending="complete")
    times = []
    while not done.is_set():
        start = time.perf_counter()
        if await outcome_of(calls, cell) == "OK":
            times.append((time.perf_counter() - start) * 1_000)
        await asyncio.sleep(0.01)
    times.sort()
    return times[len(times) * 99 // 100] if times else 0


async def load(cell):
    calls = Calls(cell)
    done = asyncio.Event()
    measured = cell["ending"] in ("complete", "break")
    beside = asyncio.ensure_future(other_calls(calls, done)) if measured else None
    start = time.perf_counter()
    tasks = [asyncio.ensure_future(outcome_of(calls, cell)) for _ in range(cell["atOnce"])]
    if cell["ending"] == "signal":
        await asyncio.sleep(HELD_S)
        for task in tasks:
            task.cancel()
    outcomes = {}
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        name = "CANCELLED" if isinstance(outcome, asyncio.CancelledError) else str(outcome)
        outcomes[name] = outcomes.get(name, 0) + 1
    seconds = time.perf_counter() - start
    done.set()
    p99 = await beside if beside is not None else 0
    await calls.channel.close()
    return dict(outcomes=outcomes, seconds=seconds, otherP99Ms=p99, heldMs=0, open=0)


async def main():
    role, *rest = sys.argv[1:]
    flags = dict(zip(rest[::2], rest[1::2]))
    server, port = await serve(flags) if role == "server" else (None, 0)
    print(json.dumps({"port": port}), flush=True)
    reader = asyncio.StreamReader(limit=1 << 20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        asked = json.loads(line)
        print(json.dumps(await load(asked) if asked["do"] == "load" else STATS), flush=True)
    if server is not None:
        await server.stop(0)


asyncio.run(main())
