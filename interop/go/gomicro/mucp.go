package main

import (
	"fmt"
	"io"

	"go-micro.dev/v5/client"
	"go-micro.dev/v5/transport"
	"google.golang.org/protobuf/encoding/protowire"
)

// messageSizeMax is grpc-go's default: the largest encoded Message a peer takes.
const messageSizeMax = 4_194_304

// mucpCases calls over transport/grpc, by go-micro's own client or by its transport.
func mucpCases(o options) []testCase {
	over := newTransport(o.clientTLS())
	c := caller{address: o.address, proto: "application/protobuf", client: client.NewClient(
		client.Transport(over), client.Registry(newRegistry()), client.Broker(newBroker()),
		client.ContentType(contentJSON), client.Retries(0))}
	return []testCase{
		{"unary_json", c.unaryJSON},
		{"unary_protobuf", c.unaryProtobuf},
		{"error", c.appError},
		{"unknown_endpoint", c.unknownEndpoint},
		{"metadata", c.metadata},
		{"stream", c.streamServerEnds},
		{"stream_client_ends", c.closeEndsMucp},
		{"stream_error", c.streamError},
		{"message_max", func() error { return rawLength(over, o.address, messageSizeMax, true) }},
		{"message_max_plus_one", func() error { return rawLength(over, o.address, messageSizeMax+1, false) }},
		{"timeout", c.timeout},
		{"publish", func() error { return rawPublish(c, over, o.address) }},
		{"server_gone", c.serverGone},
	}
}

// closeEndsMucp: Close sends an end of stream, which the server must hear.
func (c caller) closeEndsMucp() error {
	stream, err := c.chat()
	if err != nil {
		return err
	}
	if err := pingPong(stream, 2); err != nil {
		return err
	}
	if err := stream.Close(); err != nil {
		return err
	}
	return c.until("stream", "ended by client after 2")
}

// rawLength sends one Message of exactly `size` octets, encoded, and wants its reply, or a refusal.
func rawLength(over transport.Transport, address string, size int, taken bool) error {
	header := map[string]string{
		"Micro-Service": "greeter", "Micro-Endpoint": "Words.Length", "Micro-Method": "Words.Length",
		"Micro-Id": "7", "Micro-ID": "7", "Content-Type": "application/protobuf",
	}
	message := &transport.Message{Header: header}
	value := size - 1_000
	for try := 0; encodedSize(message) != size; try++ {
		if try == 5 {
			return fmt.Errorf("no body makes a message of %d octets", size)
		}
		if try > 0 {
			value += size - encodedSize(message)
		}
		message.Body = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), make([]byte, value))
	}
	socket, err := over.Dial(address, transport.WithStream())
	if err != nil {
		return err
	}
	defer socket.Close()
	if err := socket.Send(message); err != nil {
		return err
	}
	var reply transport.Message
	err = socket.Recv(&reply)
	if !taken {
		if err == nil && reply.Header["Micro-Error"] == "" {
			return fmt.Errorf("want a refusal, got a reply")
		}
		return nil
	}
	if err != nil {
		return err
	}
	want := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), fmt.Sprint(value))
	return expect(string(want), string(reply.Body), nil)
}

// encodedSize is what transport/grpc makes of a message: field 1 is the map, field 2 the body.
func encodedSize(message *transport.Message) int {
	size := 0
	for key, value := range message.Header {
		entry := 2 + protowire.SizeBytes(len(key)) + protowire.SizeBytes(len(value))
		size += 1 + protowire.SizeBytes(entry)
	}
	if len(message.Body) > 0 {
		size += 1 + protowire.SizeBytes(len(message.Body))
	}
	return size
}

// rawPublish sends an event as a Message with a topic; the same headers come back.
func rawPublish(c caller, over transport.Transport, address string) error {
	socket, err := over.Dial(address, transport.WithStream())
	if err != nil {
		return err
	}
	defer socket.Close()
	header := map[string]string{"Micro-Topic": "news", "Content-Type": contentJSON, "Micro-ID": "1"}
	if err := socket.Send(&transport.Message{Header: header, Body: []byte(`{"name":"extra"}` + "\n")}); err != nil {
		return err
	}
	var reply transport.Message
	if err := socket.Recv(&reply); err != nil && err != io.EOF {
		return err
	}
	if reply.Header["Micro-Error"] != "" || reply.Header["Micro-Topic"] != "news" || len(reply.Body) != 0 {
		return fmt.Errorf("want the headers back, got %v", reply.Header)
	}
	return c.until("news", "extra")
}
