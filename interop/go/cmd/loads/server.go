package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"strconv"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
)

// handlers counts what the handlers of the server see.
type handlers struct{ running, started, orderly, truncated, corrupt atomic.Int64 }

func (h *handlers) stats() map[string]int64 {
	return map[string]int64{
		"running": h.running.Load(), "started": h.started.Load(), "orderly": h.orderly.Load(),
		"truncated": h.truncated.Load(), "corrupt": h.corrupt.Load(), "open": 0, "heldMs": 0,
	}
}

func (h *handlers) serve(cert, key string, small bool) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	options := []grpc.ServerOption{grpc.ForceServerCodecV2(octetsCodec{}),
		grpc.MaxRecvMsgSize(messageSizeMax), grpc.MaxSendMsgSize(messageSizeMax)}
	if small {
		options = append(options, grpc.InitialWindowSize(smallWindow), grpc.InitialConnWindowSize(smallWindow))
	}
	if cert != "" {
		pair, err := credentials.NewServerTLSFromFile(cert, key)
		if err != nil {
			log.Fatal(err)
		}
		options = append(options, grpc.Creds(pair))
	}
	server := grpc.NewServer(options...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "loads.Load",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: h.unary}},
		Streams: []grpc.StreamDesc{
			{StreamName: "Upload", Handler: h.upload, ClientStreams: true},
			{StreamName: "Download", Handler: h.download, ServerStreams: true},
			{StreamName: "Bidi", Handler: h.bidi, ClientStreams: true, ServerStreams: true},
		},
	}, nil)
	go func() { log.Fatal(server.Serve(listener)) }()
	return listener.Addr().(*net.TCPAddr).Port
}

type plan struct {
	count, size int
	hold        bool
}

func planOf(ctx context.Context) plan {
	given, _ := metadata.FromIncomingContext(ctx)
	number := func(name string) int {
		values := given.Get(name)
		if len(values) == 0 {
			return 0
		}
		value, _ := strconv.Atoi(values[0])
		return value
	}
	return plan{number("x-count"), number("x-size"), number("x-hold") == 1}
}

func (h *handlers) begin() func() {
	h.started.Add(1)
	h.running.Add(1)
	return func() { h.running.Add(-1) }
}

func (h *handlers) check(message *octets, index, size int) error {
	defer message.data.Free()
	err := check(message.data.Materialize(), index, size)
	if err != nil {
		h.corrupt.Add(1)
	}
	return err
}

func (h *handlers) ended(count int, wanted plan) {
	h.orderly.Add(1)
	if count != wanted.count {
		h.truncated.Add(1)
	}
}

func message(index, size int) *octets {
	return &octets{mem.BufferSlice{mem.SliceBuffer(stretch(index, size))}}
}

func (h *handlers) unary(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	defer h.begin()()
	wanted := planOf(ctx)
	var request octets
	if err := decode(&request); err != nil {
		return nil, err
	}
	if err := h.check(&request, 0, wanted.size); err != nil {
		return nil, err
	}
	if wanted.hold {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return message(0, wanted.size), nil
}

// receive reads until the orderly end, and gives each message to each.
func (h *handlers) receive(call grpc.ServerStream, each func(index int) error) (int, error) {
	wanted := planOf(call.Context())
	for count := 0; ; count++ {
		var request octets
		if err := call.RecvMsg(&request); errors.Is(err, io.EOF) {
			h.ended(count, wanted)
			return count, nil
		} else if err != nil {
			return count, err
		}
		if err := h.check(&request, count, wanted.size); err != nil {
			return count, err
		}
		if err := each(count); err != nil {
			return count, err
		}
	}
}

func (h *handlers) upload(_ any, call grpc.ServerStream) error {
	defer h.begin()()
	count, err := h.receive(call, func(int) error { return nil })
	if err != nil {
		return err
	}
	reply := binary.BigEndian.AppendUint32(nil, uint32(count))
	return call.SendMsg(&octets{mem.BufferSlice{mem.SliceBuffer(reply)}})
}

func (h *handlers) download(_ any, call grpc.ServerStream) error {
	defer h.begin()()
	wanted := planOf(call.Context())
	var request octets
	if err := call.RecvMsg(&request); err != nil {
		return err
	}
	if wanted.hold {
		wanted.count = 1
	}
	for index := range wanted.count {
		if err := call.SendMsg(message(index, wanted.size)); err != nil {
			return err
		}
	}
	if wanted.hold {
		<-call.Context().Done()
	}
	return call.Context().Err()
}

func (h *handlers) bidi(_ any, call grpc.ServerStream) error {
	defer h.begin()()
	size := planOf(call.Context()).size
	_, err := h.receive(call, func(index int) error { return call.SendMsg(message(index, size)) })
	return err
}
