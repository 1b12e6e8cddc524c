package main

import (
	"fmt"
	"io"

	"go-micro.dev/v5/broker"
	"go-micro.dev/v5/client"
	clientGRPC "go-micro.dev/v5/client/grpc"
	"go-micro.dev/v5/registry"
)

// bytesValueOverhead is what a BytesValue of about 4 MiB adds: one octet of tag, four of length.
const bytesValueOverhead = 5

// grpcCases calls natively, by client/grpc.
func grpcCases(o options) []testCase {
	settings := []client.Option{
		client.Registry(registry.NewMemoryRegistry()), client.Broker(broker.NewMemoryBroker()), client.Retries(0),
		clientGRPC.MaxSendMsgSize(2 * messageSizeMax),
	}
	if config := o.clientTLS(); config != nil {
		settings = append(settings, clientGRPC.AuthTLS(config))
	}
	c := caller{address: o.address, proto: "application/grpc+proto", client: clientGRPC.NewClient(settings...)}
	return []testCase{
		{"unary_json", c.unaryJSON},
		{"unary_protobuf", c.unaryProtobuf},
		{"error", c.appError},
		{"unknown_endpoint", c.unknownEndpoint},
		{"metadata", c.metadata},
		{"stream", c.streamServerEnds},
		{"stream_client_ends", c.closeSendEnds},
		{"stream_error", c.streamError},
		{"message_max", func() error { return c.length(messageSizeMax - bytesValueOverhead) }},
		{"message_max_plus_one", c.tooLarge},
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
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if err := stream.Recv(new(HelloReply)); err != io.EOF {
		return fmt.Errorf("want the end of the stream, got %v", err)
	}
	return c.until("stream", "ended by client after 2")
}

func (c caller) tooLarge() error {
	if err := c.length(messageSizeMax - bytesValueOverhead + 1); err == nil {
		return fmt.Errorf("want a refusal, got a reply")
	}
	return c.unaryJSON()
}
