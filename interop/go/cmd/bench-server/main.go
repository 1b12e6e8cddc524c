// Bench-server is grpc-go as a peer of the benchmarks: a server, or with the argument "client" a
// client. It speaks the protocol of bench/child.ts: one line of JSON when it is ready, then one for
// each line of standard input, until that ends.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const messageSizeMax = 64 << 20

type request struct {
	Do       string `json:"do"`
	Port     int    `json:"port"`
	Calls    int    `json:"calls"`
	InFlight int    `json:"inFlight"`
}

type reply map[string]float64

func main() {
	log.SetFlags(0)
	// One core, as the event loops it is compared with have.
	runtime.GOMAXPROCS(1)
	if len(os.Args) > 1 && os.Args[1] == "client" {
		caller := &caller{}
		answerRunner(reply{"ready": 1}, caller.do)
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(octetsCodec{}),
		grpc.MaxRecvMsgSize(messageSizeMax), grpc.MaxSendMsgSize(messageSizeMax))
	server.RegisterService(&echo, nil)
	server.RegisterService(&typedEcho, nil)
	registerOrders(server)
	go func() { log.Fatal(server.Serve(listener)) }()
	answerRunner(reply{"port": float64(listener.Addr().(*net.TCPAddr).Port)}, nil)
}

// answerRunner answers usage itself and leaves other requests to do.
func answerRunner(ready reply, do func(request) (reply, error)) {
	out := json.NewEncoder(os.Stdout)
	out.Encode(ready)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var req request
		if err := json.Unmarshal(lines.Bytes(), &req); err != nil {
			log.Fatal(err)
		}
		answer, err := usage(), error(nil)
		if req.Do != "usage" {
			if do == nil {
				err = fmt.Errorf("unknown command %q", req.Do)
			} else {
				answer, err = do(req)
			}
		}
		if err != nil {
			log.Fatal(err)
		}
		out.Encode(answer)
	}
}

func usage() reply {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	us := func(t syscall.Timeval) float64 { return float64(t.Sec)*1e6 + float64(t.Usec) }
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return reply{"cpuUs": us(used.Utime) + us(used.Stime), "heapOctets": float64(memory.HeapAlloc)}
}

var echo = grpc.ServiceDesc{
	ServiceName: "bench.Echo",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{
		{MethodName: "Unary", Handler: unary[octets]},
	},
	Streams: []grpc.StreamDesc{
		{StreamName: "Stream", Handler: stream, ServerStreams: true, ClientStreams: true},
		{StreamName: "Upload", Handler: upload, ClientStreams: true},
		{StreamName: "Download", Handler: download, ServerStreams: true},
	},
}

var typedEcho = grpc.ServiceDesc{
	ServiceName: "bench.TypedEcho",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{
		{MethodName: "Typed", Handler: unary[wrapperspb.StringValue]},
	},
}

func unary[Message any](_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	message := new(Message)
	if err := decode(message); err != nil {
		return nil, err
	}
	return message, nil
}

func stream(_ any, call grpc.ServerStream) error {
	for {
		var message octets
		if err := call.RecvMsg(&message); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := call.SendMsg(&message); err != nil {
			return err
		}
	}
}

func upload(_ any, call grpc.ServerStream) error {
	size := 0
	for {
		var message octets
		if err := call.RecvMsg(&message); err != nil {
			if !errors.Is(err, io.EOF) {
				return err
			}
			answer := make([]byte, 8)
			binary.BigEndian.PutUint64(answer, uint64(size))
			return call.SendMsg(&octets{mem.BufferSlice{mem.SliceBuffer(answer)}})
		}
		size += message.data.Len()
		message.data.Free()
	}
}

func download(_ any, call grpc.ServerStream) error {
	var wanted octets
	if err := call.RecvMsg(&wanted); err != nil {
		return err
	}
	numbers := wanted.data.Materialize()
	message := &octets{mem.BufferSlice{mem.SliceBuffer(make([]byte, binary.BigEndian.Uint32(numbers[4:])))}}
	for left := binary.BigEndian.Uint32(numbers); left > 0; left-- {
		if err := call.SendMsg(message); err != nil {
			return err
		}
	}
	return nil
}
