package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"go-micro.dev/v5/client"
)

// bytesValueOverhead is what a BytesValue of about 4 MiB adds: one octet of tag, four of length.
const bytesValueOverhead = 5

// errNoHalfClose: this version can end a stream for both sides only.
var errNoHalfClose = errors.New("no half-close")

// grpcCases calls natively, by client/grpc.
func grpcCases(o options) []testCase {
	newCaller := func() caller {
		return caller{address: o.address, proto: "application/grpc+proto", client: newGRPCClient(o.clientTLS(), 2*messageSizeMax,
			client.Registry(newRegistry()), client.Broker(newBroker()), client.Retries(0))}
	}
	// v1 keeps the codec of a connection's first call for all that follow: protobuf has connections of its own.
	c, words := newCaller(), newCaller()
	return []testCase{
		{"unary_json", c.unaryJSON},
		{"unary_protobuf", words.unaryProtobuf},
		{"error", c.appError},
		{"unknown_endpoint", c.unknownEndpoint},
		{"metadata", c.metadata},
		{"stream", c.streamServerEnds},
		{"stream_client_ends", c.closeSendEnds},
		{"stream_cancelled", c.streamCancelled},
		{"stream_error", c.streamError},
		{"message_max", func() error { return words.length(messageSizeMax - bytesValueOverhead) }},
		{"message_max_plus_one", words.tooLarge},
		{"timeout", c.timeout},
		{"server_gone", c.serverGone},
	}
}

// closeSendEnds: our half ends, the server hears of it and ends its own.
func (c caller) closeSendEnds() error {
	stream, err := c.chat()
	if err != nil {
		return err
	}
	defer stream.Close()
	if err := pingPong(stream, 2); err != nil {
		return err
	}
	if err := closeSend(stream); err == errNoHalfClose {
		stream.Close()
		return c.until("stream", "cancelled after 2")
	} else if err != nil {
		return err
	}
	if err := stream.Recv(new(HelloReply)); err != io.EOF {
		return fmt.Errorf("want the end of the stream, got %v", err)
	}
	return c.until("stream", "ended by client after 2")
}

// streamCancelled: we give up, which the server must not take for an orderly end.
func (c caller) streamCancelled() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := c.chatIn(ctx)
	if err != nil {
		return err
	}
	if err := pingPong(stream, 3); err != nil {
		return err
	}
	cancel()
	return c.until("stream", "cancelled after 3")
}

func (c caller) tooLarge() error {
	if err := c.length(messageSizeMax - bytesValueOverhead + 1); err == nil {
		return fmt.Errorf("want a refusal, got a reply")
	}
	return c.unaryProtobuf()
}
