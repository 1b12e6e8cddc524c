"""gRPC's interop cases on grpcio: `test_client.py --api sync|aio --address HOST:PORT [--ca FILE] [--gzip]`.

Prints one JSON line for each case. The cases are written once, for asyncio; for the sync API
`SyncCalls` gives them the same shape, each call made by the blocking stub in a thread.
"""

import argparse
import asyncio
import json
import queue
import time

import grpc
import testing_pb2 as pb
import testing_pb2_grpc as service

REQUEST_SIZES = [27182, 8, 1828, 45904]
RESPONSE_SIZES = [31415, 9, 2653, 58979]
SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
CASE_TIME_MAX_S = 20
ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"


def payload(size):
    return pb.Payload(body=bytes(size))


def output(size, request_size=0):
    parameters = [pb.ResponseParameters(size=size)]
    return pb.StreamingOutputCallRequest(response_parameters=parameters, payload=payload(request_size))


def expect(want, got, what="value"):
    if want != got:
        raise AssertionError(f"{what}: want {want!r}, got {got!r}")


class AioCalls:
    """What the cases need, on grpc.aio."""

    def __init__(self, stub, channel):
        self.stub, self.channel = stub, channel

    async def unary(self, name, request, **options):
        call = getattr(self.stub, name)(request, **options)
        reply = await call
        return reply, await call.initial_metadata(), await call.trailing_metadata()

    async def upload(self, requests, **options):
        async def source():
            for request in requests:
                yield request

        return await self.stub.StreamingInputCall(source(), **options)

    async def download(self, request):
        return [response async for response in self.stub.StreamingOutputCall(request)]

    async def duplex(self, requests, **options):
        """One request for each response; gives responses and both metadata."""
        call = self.stub.FullDuplexCall(**options)
        responses = []
        for request in requests:
            await call.write(request)
            response = await call.read()
            if response is grpc.aio.EOF:
                break
            responses.append(response)
        await call.done_writing()
        if await call.read() is not grpc.aio.EOF:
            raise AssertionError("a response too many")
        code = await call.code()
        if code != grpc.StatusCode.OK:
            raise grpc.aio.AioRpcError(
                code, await call.initial_metadata(), await call.trailing_metadata(), await call.details()
            )
        return responses, await call.initial_metadata(), await call.trailing_metadata()

    async def upload_cancelled(self):
        call = self.stub.StreamingInputCall()
        await call.write(pb.StreamingInputCallRequest(payload=payload(1)))
        call.cancel()
        try:
            await call
        except asyncio.CancelledError:
            return call.cancelled()
        return False

    async def duplex_cancelled(self):
        call = self.stub.FullDuplexCall()
        await call.write(output(31415, 27182))
        expect(31415, len((await call.read()).payload.body))
        call.cancel()
        return await call.code()

    async def duplex_sleeping(self):
        call = self.stub.FullDuplexCall(timeout=0.001)
        try:
            await call.write(pb.StreamingOutputCallRequest(payload=payload(27182)))
            await call.read()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass
        return await call.code()

    async def other(self, path):
        method = self.channel.unary_unary(path, pb.Empty.SerializeToString, pb.Empty.FromString)
        return await method(pb.Empty())


class SyncCalls:
    """The same on the blocking stub."""

    def __init__(self, stub, channel):
        self.stub, self.channel = stub, channel

    def unary_now(self, name, request, options):
        reply, call = getattr(self.stub, name).with_call(request, **options)
        return reply, call.initial_metadata(), call.trailing_metadata()

    async def unary(self, name, request, **options):
        return await asyncio.to_thread(self.unary_now, name, request, options)

    async def upload(self, requests, **options):
        return await asyncio.to_thread(self.stub.StreamingInputCall, iter(requests), **options)

    async def download(self, request):
        return await asyncio.to_thread(lambda: list(self.stub.StreamingOutputCall(request)))

    async def duplex(self, requests, **options):
        def run():
            answered, responses = queue.SimpleQueue(), []

            def source():
                for request in requests:
                    yield request
                    answered.get()

            call = self.stub.FullDuplexCall(source(), **options)
            try:
                for response in call:
                    responses.append(response)
                    answered.put(None)
            finally:
                answered.put(None)
            return responses, call.initial_metadata(), call.trailing_metadata()

        return await asyncio.to_thread(run)

    async def upload_cancelled(self):
        def run():
            call = self.stub.StreamingInputCall.future(endless(pb.StreamingInputCallRequest(payload=payload(1))))
            call.cancel()
            return call.cancelled()

        return await asyncio.to_thread(run)

    async def duplex_cancelled(self):
        def run():
            call = self.stub.FullDuplexCall(endless(output(31415, 27182)))
            expect(31415, len(next(call).payload.body))
            call.cancel()
            return call.code()

        return await asyncio.to_thread(run)

    async def duplex_sleeping(self):
        def run():
            request = pb.StreamingOutputCallRequest(payload=payload(27182))
            call = self.stub.FullDuplexCall(endless(request), timeout=0.001)
            try:
                list(call)
            except grpc.RpcError:
                pass
            return call.code()

        return await asyncio.to_thread(run)

    async def other(self, path):
        method = self.channel.unary_unary(path, pb.Empty.SerializeToString, pb.Empty.FromString)
        return await asyncio.to_thread(method, pb.Empty())



def endless(request):
    """One request, and then nothing for longer than any case waits."""
    yield request
    time.sleep(2)


async def fails_with(code, message, call):
    try:
        await call
    except grpc.RpcError as error:
        expect(code, error.code(), "code")
        if message is not None:
            expect(message, error.details(), "message")
        return error
    raise AssertionError(f"want {code}, got a reply")


async def empty_unary(calls):
    expect(pb.Empty(), (await calls.unary("EmptyCall", pb.Empty()))[0])


async def large_unary(calls):
    request = pb.SimpleRequest(response_size=314159, payload=payload(271828))
    expect(314159, len((await calls.unary("UnaryCall", request))[0].payload.body))


async def client_streaming(calls):
    requests = [pb.StreamingInputCallRequest(payload=payload(size)) for size in REQUEST_SIZES]
    expect(74922, (await calls.upload(requests)).aggregated_payload_size)


async def server_streaming(calls):
    parameters = [pb.ResponseParameters(size=size) for size in RESPONSE_SIZES]
    responses = await calls.download(pb.StreamingOutputCallRequest(response_parameters=parameters))
    expect(RESPONSE_SIZES, [len(response.payload.body) for response in responses])


async def ping_pong(calls):
    requests = [output(*sizes) for sizes in zip(RESPONSE_SIZES, REQUEST_SIZES)]
    expect(RESPONSE_SIZES, [len(r.payload.body) for r in (await calls.duplex(requests))[0]])


async def empty_stream(calls):
    expect([], (await calls.duplex([]))[0])


async def timeout_on_sleeping_server(calls):
    expect(grpc.StatusCode.DEADLINE_EXCEEDED, await calls.duplex_sleeping())


async def cancel_after_begin(calls):
    expect(True, await calls.upload_cancelled(), "cancelled")


async def cancel_after_first_response(calls):
    expect(grpc.StatusCode.CANCELLED, await calls.duplex_cancelled())


def echoing(message):
    return pb.EchoStatus(code=2, message=message)


async def status_of(calls, message, want):
    request = pb.SimpleRequest(response_status=echoing(message))
    await fails_with(grpc.StatusCode.UNKNOWN, want, calls.unary("UnaryCall", request))


async def status_code_and_message(calls):
    await status_of(calls, "test status message", "test status message")
    request = pb.StreamingOutputCallRequest(response_status=echoing("test status message"))
    await fails_with(grpc.StatusCode.UNKNOWN, "test status message", calls.duplex([request]))


async def special_status_message(calls):
    await status_of(calls, SPECIAL_MESSAGE, SPECIAL_MESSAGE)


async def trailing_space_message(calls):
    await status_of(calls, "it ends in a space ", "it ends in a space ")


async def unicode_message(calls):
    await status_of(calls, "ä%ö 100%", "ä%ö 100%")


async def custom_metadata(calls):
    metadata = ((ECHO_INITIAL, "test_initial_metadata_value"), (ECHO_TRAILING, b"\xab\xab\xab"))
    request = pb.SimpleRequest(response_size=1, payload=payload(1))
    results = [await calls.unary("UnaryCall", request, metadata=metadata)]
    results.append(await calls.duplex([output(1, 1)], metadata=metadata))
    for _, initial, trailing in results:
        expect("test_initial_metadata_value", dict(initial).get(ECHO_INITIAL), "initial")
        expect(b"\xab\xab\xab", dict(trailing).get(ECHO_TRAILING), "trailing")


async def padded_metadata(calls):
    """RFC 9113 §8.2.1 forbids it and C-core sends it: white space around a value does not reach the handler."""
    metadata = ((ECHO_INITIAL, "  a value  "),)
    _, initial, _ = await calls.unary("EmptyCall", pb.Empty(), metadata=metadata)
    expect("a value", dict(initial).get(ECHO_INITIAL))


async def unimplemented_method(calls):
    await fails_with(
        grpc.StatusCode.UNIMPLEMENTED, None, calls.other("/grpc.testing.TestService/UnimplementedCall")
    )


async def unimplemented_service(calls):
    await fails_with(
        grpc.StatusCode.UNIMPLEMENTED, None, calls.other("/grpc.testing.UnimplementedService/UnimplementedCall")
    )


async def many_at_once(calls):
    await asyncio.gather(*[large_unary(calls) for _ in range(50)])


CASES = [
    empty_unary,
    large_unary,
    client_streaming,
    server_streaming,
    ping_pong,
    empty_stream,
    timeout_on_sleeping_server,
    cancel_after_begin,
    cancel_after_first_response,
    status_code_and_message,
    special_status_message,
    trailing_space_message,
    unicode_message,
    custom_metadata,
    padded_metadata,
    unimplemented_method,
    unimplemented_service,
    many_at_once,
]


async def run_all(calls, wanted):
    for case in CASES:
        if wanted and case.__name__ not in wanted:
            continue
        line = {"case": case.__name__, "ok": True}
        try:
            await asyncio.wait_for(case(calls), CASE_TIME_MAX_S)
        except BaseException as error:  # CancelledError is none of Exception
            line = {"case": case.__name__, "ok": False, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(line), flush=True)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--api", choices=["sync", "aio"], default="sync")
    parser.add_argument("--address", required=True)
    parser.add_argument("--ca")
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--cases", default="")
    options = parser.parse_args()
    api = grpc.aio if options.api == "aio" else grpc
    settings = {"compression": grpc.Compression.Gzip if options.gzip else None}
    if options.ca is None:
        channel = api.insecure_channel(options.address, **settings)
    else:
        with open(options.ca, "rb") as file:
            credentials = grpc.ssl_channel_credentials(file.read())
        override = [("grpc.ssl_target_name_override", "localhost")]
        channel = api.secure_channel(options.address, credentials, options=override, **settings)
    stub = service.TestServiceStub(channel)
    calls = AioCalls(stub, channel) if options.api == "aio" else SyncCalls(stub, channel)
    await run_all(calls, [name for name in options.cases.split(",") if name])
    closed = channel.close()
    if closed is not None:
        await closed


asyncio.run(main())
