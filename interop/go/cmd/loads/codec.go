package main

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// octets is a message that no codec looks into; it holds the buffers that arrived.
type octets struct{ data mem.BufferSlice }

var protobuf = encoding.GetCodecV2(proto.Name)

// octetsCodec hands octets through without a copy and leaves every other type to protobuf.
type octetsCodec struct{}

func (octetsCodec) Name() string { return proto.Name }

func (octetsCodec) Marshal(value any) (mem.BufferSlice, error) {
	if message, ok := value.(*octets); ok {
		return message.data, nil
	}
	return protobuf.Marshal(value)
}

func (octetsCodec) Unmarshal(data mem.BufferSlice, value any) error {
	if message, ok := value.(*octets); ok {
		data.Ref()
		message.data = data
		return nil
	}
	return protobuf.Unmarshal(data, value)
}
