// Go-micro is go-micro v6 as a peer of the benchmarks: its own protocol (mucp) over transport/grpc.
// It speaks the protocol of bench/child.ts: one line of JSON when it is ready, then one for each line
// of standard input, until that ends.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"net"
	"os"
	"runtime"
	"syscall"

	"go-micro.dev/v5/broker"
	"go-micro.dev/v5/registry"
	"go-micro.dev/v5/server"
	"go-micro.dev/v5/transport/grpc"
)

// Message is what the method takes and gives, as JSON.
type Message struct {
	Value string `json:"value"`
}

// JsonEcho answers what it was asked.
type JsonEcho struct{}

// Call is the one method.
func (*JsonEcho) Call(_ context.Context, in, out *Message) error {
	out.Value = in.Value
	return nil
}

func main() {
	log.SetFlags(0)
	// One core, as the event loops it is compared with have.
	runtime.GOMAXPROCS(1)
	address := freeAddress()
	s := server.NewRPCServer(server.Name("bench"), server.Address(address),
		server.Registry(registry.NewMemoryRegistry()), server.Broker(broker.NewMemoryBroker()),
		server.Transport(grpc.NewTransport()))
	must(s.Handle(s.NewHandler(new(JsonEcho))))
	must(s.Start())
	_, port, err := net.SplitHostPort(s.Options().Address)
	must(err)
	out := json.NewEncoder(os.Stdout)
	number := json.Number(port)
	must(out.Encode(map[string]json.Number{"port": number}))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		must(out.Encode(usage()))
	}
}

func usage() map[string]float64 {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	us := func(t syscall.Timeval) float64 { return float64(t.Sec)*1e6 + float64(t.Usec) }
	return map[string]float64{"cpuUs": us(used.Utime) + us(used.Stime)}
}

// freeAddress is one with a port that is free now: go-micro's server keeps the address it was given.
func freeAddress() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	defer listener.Close()
	return listener.Addr().String()
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
