package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"go-micro.dev/v5/errors"
	"go-micro.dev/v5/metadata"
	"go-micro.dev/v5/server"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// HelloRequest is what Greeter's methods take, as JSON.
type HelloRequest struct {
	Name string `json:"name"`
}

// HelloReply is what Greeter's methods give, as JSON.
type HelloReply struct {
	Text string `json:"text"`
}

// Greeter holds the JSON methods. What must be seen from outside is kept here and asked for by State.
type Greeter struct {
	mu   sync.Mutex
	seen map[string]string
}

func (g *Greeter) note(key, value string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen[key] = value
}

// Hello greets.
func (g *Greeter) Hello(_ context.Context, in *HelloRequest, out *HelloReply) error {
	out.Text = "Hello, " + in.Name
	return nil
}

// Fail ends with an error that has all four fields.
func (g *Greeter) Fail(_ context.Context, in *HelloRequest, _ *HelloReply) error {
	return errors.NotFound("greeter", "no such name %s", in.Name)
}

// Meta answers the value of the metadata key it is asked for.
func (g *Greeter) Meta(ctx context.Context, in *HelloRequest, out *HelloReply) error {
	md, _ := metadata.FromContext(ctx)
	for key, value := range md {
		if strings.EqualFold(key, in.Name) {
			out.Text = value
		}
	}
	return nil
}

// Slow waits for its deadline, ten seconds at most.
func (g *Greeter) Slow(ctx context.Context, _ *HelloRequest, _ *HelloReply) error {
	select {
	case <-ctx.Done():
		g.note("slow", "deadline")
	case <-time.After(10 * time.Second):
		g.note("slow", "no deadline")
	}
	return errors.Timeout("greeter", "too slow")
}

// Exit ends the process in the middle of the call.
func (g *Greeter) Exit(context.Context, *HelloRequest, *HelloReply) error {
	os.Exit(3)
	return nil
}

// State answers what was noted under a key: slow, stream or news.
func (g *Greeter) State(_ context.Context, in *HelloRequest, out *HelloReply) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	out.Text = g.seen[in.Name]
	return nil
}

// Chat answers each message until it is told "bye" (it ends), "boom" (it fails) or the client ends.
func (g *Greeter) Chat(_ context.Context, stream server.Stream) error {
	for count := 0; ; count++ {
		in := new(HelloRequest)
		err := stream.Recv(in)
		if err == io.EOF {
			g.note("stream", "ended by client after "+strconv.Itoa(count))
			return nil
		}
		if err != nil {
			g.note("stream", "cancelled after "+strconv.Itoa(count))
			return err
		}
		switch in.Name {
		case "bye":
			return nil
		case "boom":
			return errors.Conflict("greeter", "boom")
		}
		if err := stream.Send(&HelloReply{Text: "Hello, " + in.Name}); err != nil {
			return err
		}
	}
}

// Words holds the protobuf methods.
type Words struct{}

// Upper answers in upper case.
func (w *Words) Upper(_ context.Context, in, out *wrapperspb.StringValue) error {
	out.Value = strings.ToUpper(in.Value)
	return nil
}

// Length answers how many octets came, as text.
func (w *Words) Length(_ context.Context, in *wrapperspb.BytesValue, out *wrapperspb.StringValue) error {
	out.Value = strconv.Itoa(len(in.Value))
	return nil
}

// serve runs a server until standard input ends, so it cannot outlive the suite.
func serve(o options) {
	settings := []server.Option{
		server.Name("greeter"), server.Address(freeAddress(o.address)),
		server.Registry(newRegistry()), server.Broker(newBroker()),
	}
	var s server.Server
	if o.mode == "serve-grpc" {
		s = newGRPCServer(o.serverTLS(), settings...)
	} else {
		s = newMucpServer(append(settings, server.Transport(newTransport(o.serverTLS())))...)
	}
	greeter := &Greeter{seen: map[string]string{}}
	must(s.Handle(s.NewHandler(greeter)))
	must(s.Handle(s.NewHandler(new(Words))))
	must(s.Subscribe(s.NewSubscriber("news", func(_ context.Context, in *HelloRequest) error {
		greeter.note("news", in.Name)
		return nil
	})))
	must(s.Start())
	_ = json.NewEncoder(os.Stdout).Encode(map[string]string{"address": s.Options().Address})
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// freeAddress turns port 0 into a port that is free now: go-micro's server keeps the address it was given.
func freeAddress(address string) string {
	listener, err := net.Listen("tcp", address)
	must(err)
	defer listener.Close()
	return listener.Addr().String()
}

func must(err error) {
	if err != nil {
		fatal(err.Error())
	}
}
