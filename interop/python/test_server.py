"""TestService of gRPC's interop cases, on grpcio: `test_server.py --api sync|aio [--cert FILE --key FILE]`.

Prints {"address": "host:port"} when it is ready and ends with its standard input. What gRPC's
description leaves out, for it is a habit of Python's: with `x-raise` in the metadata an empty call
raises an exception without text, and `x-padded` is echoed with white space around it.
"""

import argparse
import asyncio
import json
import sys
import threading
from concurrent import futures

import grpc
import testing_pb2 as pb
import testing_pb2_grpc as service

ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"
PADDED = "x-padded"


def initial_metadata(context):
    given = context.invocation_metadata() or ()
    pairs = [(ECHO_INITIAL, value) for key, value in given if key == ECHO_INITIAL]
    return pairs + [(PADDED, f"  {value}  ") for key, value in given if key == PADDED]


def trailing_metadata(context):
    given = context.invocation_metadata() or ()
    return [(ECHO_TRAILING, value) for key, value in given if key == ECHO_TRAILING]


def raise_if_asked(context):
    if any(key == "x-raise" for key, _ in context.invocation_metadata() or ()):
        raise Exception


def payload(size):
    return pb.Payload(body=bytes(size))


class Sync(service.TestServiceServicer):
    def echo(self, context):
        context.send_initial_metadata(initial_metadata(context))
        context.set_trailing_metadata(trailing_metadata(context))

    def fail_if_asked(self, request, context):
        if request.response_status.code != 0:
            context.abort(code_of(request), request.response_status.message)

    def EmptyCall(self, request, context):
        raise_if_asked(context)
        self.echo(context)
        return pb.Empty()

    def UnaryCall(self, request, context):
        self.echo(context)
        self.fail_if_asked(request, context)
        return pb.SimpleResponse(payload=payload(request.response_size))

    def StreamingOutputCall(self, request, context):
        self.fail_if_asked(request, context)
        for wanted in request.response_parameters:
            yield pb.StreamingOutputCallResponse(payload=payload(wanted.size))

    def StreamingInputCall(self, requests, context):
        total = sum(len(request.payload.body) for request in requests)
        return pb.StreamingInputCallResponse(aggregated_payload_size=total)

    def FullDuplexCall(self, requests, context):
        self.echo(context)
        for request in requests:
            yield from self.StreamingOutputCall(request, context)

    HalfDuplexCall = FullDuplexCall


class Aio(service.TestServiceServicer):
    async def echo(self, context):
        await context.send_initial_metadata(initial_metadata(context))
        context.set_trailing_metadata(trailing_metadata(context))

    async def fail_if_asked(self, request, context):
        if request.response_status.code != 0:
            await context.abort(code_of(request), request.response_status.message)

    async def EmptyCall(self, request, context):
        raise_if_asked(context)
        await self.echo(context)
        return pb.Empty()

    async def UnaryCall(self, request, context):
        await self.echo(context)
        await self.fail_if_asked(request, context)
        return pb.SimpleResponse(payload=payload(request.response_size))

    async def StreamingOutputCall(self, request, context):
        await self.fail_if_asked(request, context)
        for wanted in request.response_parameters:
            yield pb.StreamingOutputCallResponse(payload=payload(wanted.size))

    async def StreamingInputCall(self, requests, context):
        total = 0
        async for request in requests:
            total += len(request.payload.body)
        return pb.StreamingInputCallResponse(aggregated_payload_size=total)

    async def FullDuplexCall(self, requests, context):
        await self.echo(context)
        async for request in requests:
            async for response in self.StreamingOutputCall(request, context):
                yield response

    HalfDuplexCall = FullDuplexCall


def code_of(request):
    number = request.response_status.code
    return next(code for code in grpc.StatusCode if code.value[0] == number)


def listen(server, options):
    if options.cert is None:
        return server.add_insecure_port("127.0.0.1:0")
    with open(options.key, "rb") as key, open(options.cert, "rb") as cert:
        pair = (key.read(), cert.read())
    return server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))


def ready(port):
    print(json.dumps({"address": f"127.0.0.1:{port}"}), flush=True)


def serve_sync(options):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), compression=compression(options))
    service.add_TestServiceServicer_to_server(Sync(), server)
    port = listen(server, options)
    server.start()
    ready(port)
    sys.stdin.read()
    server.stop(0).wait()


async def serve_aio(options):
    server = grpc.aio.server(compression=compression(options))
    service.add_TestServiceServicer_to_server(Aio(), server)
    port = listen(server, options)
    await server.start()
    ready(port)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait():
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, daemon=True).start()
    await ended.wait()
    await server.stop(0)


def compression(options):
    return grpc.Compression.Gzip if options.gzip else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--api", choices=["sync", "aio"], default="sync")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--gzip", action="store_true")
    options = parser.parse_args()
    if options.api == "sync":
        serve_sync(options)
    else:
        asyncio.run(serve_aio(options))


main()
