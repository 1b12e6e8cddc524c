// Command registries is a go-micro service, client or watcher on a registry that people run, for the engines suite of microwire.
//
//	registries serve -registry etcd -at HOST:PORT [-name greeter] [-id ID] [-ttl 6] [-interval 2]
//	registries call  -registry etcd -at HOST:PORT [-name greeter]
//	registries watch -registry etcd -at HOST:PORT [-name greeter]
//
// A server prints {"address":"host:port"} when it is registered, deregisters at the end of its standard
// input, and says {"stopped":true}. A client calls Greeter.Hello for each line of its input, with that
// name, and prints {"text":...} or {"error":...}; `?` prints the addresses that the registry knows. A
// watcher prints {"action":...,"ids":[...]} for each event.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"time"

	"go-micro.dev/v5/broker"
	"go-micro.dev/v5/client"
	"go-micro.dev/v5/registry"
	"go-micro.dev/v5/registry/consul"
	"go-micro.dev/v5/registry/etcd"
	"go-micro.dev/v5/registry/nats"
	"go-micro.dev/v5/selector"
	"go-micro.dev/v5/server"
	transportGRPC "go-micro.dev/v5/transport/grpc"
)

// HelloRequest is what Greeter.Hello takes.
type HelloRequest struct {
	Name string `json:"name"`
}

// HelloReply is what Greeter.Hello gives.
type HelloReply struct {
	Text string `json:"text"`
}

// Greeter greets.
type Greeter struct{ id string }

// Hello greets, and says who.
func (g *Greeter) Hello(_ context.Context, in *HelloRequest, out *HelloReply) error {
	out.Text = "Hello, " + in.Name + ", from Go " + g.id
	return nil
}

type options struct {
	registry, at, name, id string
	ttl, interval          int
}

var out = json.NewEncoder(os.Stdout)

func main() {
	if len(os.Args) < 2 {
		fatal("usage: registries serve|call|watch [flags]")
	}
	var o options
	flags := flag.NewFlagSet("registries", flag.ExitOnError)
	flags.StringVar(&o.registry, "registry", "etcd", "etcd, consul, nats or mdns")
	flags.StringVar(&o.at, "at", "", "address of the engine")
	flags.StringVar(&o.name, "name", "greeter", "name of the service")
	flags.StringVar(&o.id, "id", "", "id of the server")
	flags.IntVar(&o.ttl, "ttl", 6, "RegisterTTL in seconds")
	flags.IntVar(&o.interval, "interval", 2, "RegisterInterval in seconds")
	_ = flags.Parse(os.Args[2:])
	switch os.Args[1] {
	case "serve":
		serve(o)
	case "call":
		call(o)
	case "watch":
		watch(o)
	default:
		fatal("unknown mode " + os.Args[1])
	}
}

func (o options) open() registry.Registry {
	address := registry.Addrs(o.at)
	switch o.registry {
	case "etcd":
		return etcd.NewEtcdRegistry(address)
	case "consul":
		return consul.NewConsulRegistry(address)
	case "nats":
		return nats.NewNatsRegistry(address)
	case "mdns":
		return registry.NewMDNSRegistry()
	}
	fatal("unknown registry " + o.registry)
	return nil
}

func serve(o options) {
	settings := []server.Option{
		server.Name(o.name), server.Address(freeAddress()), server.Registry(o.open()),
		server.Broker(broker.NewMemoryBroker()), server.Transport(transportGRPC.NewTransport()),
		server.RegisterTTL(time.Duration(o.ttl) * time.Second),
		server.RegisterInterval(time.Duration(o.interval) * time.Second),
		server.Metadata(map[string]string{"zone": "go"}),
	}
	if o.id != "" {
		settings = append(settings, server.Id(o.id))
	}
	s := server.NewRPCServer(settings...)
	must(s.Handle(s.NewHandler(&Greeter{id: o.id})))
	must(s.Start())
	_ = out.Encode(map[string]string{"address": s.Options().Address})
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = s.Stop()
	// nats.go sends what was published in its own time: a program that ends at once takes its goodbye along.
	time.Sleep(200 * time.Millisecond)
	_ = out.Encode(map[string]bool{"stopped": true})
}

func call(o options) {
	r := o.open()
	c := client.NewClient(
		client.Registry(r), client.Selector(selector.NewSelector(selector.Registry(r))),
		client.Transport(transportGRPC.NewTransport()), client.ContentType("application/json"),
		client.Retries(1),
	)
	_ = out.Encode(map[string]bool{"ready": true})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if lines.Text() == "?" {
			known(r, o.name)
			continue
		}
		reply := new(HelloReply)
		request := c.NewRequest(o.name, "Greeter.Hello", &HelloRequest{Name: lines.Text()})
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err := c.Call(ctx, request, reply)
		cancel()
		if err != nil {
			_ = out.Encode(map[string]string{"error": err.Error()})
			continue
		}
		_ = out.Encode(map[string]string{"text": reply.Text})
	}
}

// known prints what the registry itself says, past every cache.
func known(r registry.Registry, name string) {
	services, err := r.GetService(name)
	if err != nil && err != registry.ErrNotFound {
		_ = out.Encode(map[string]string{"error": err.Error()})
		return
	}
	nodes := []map[string]any{}
	for _, service := range services {
		for _, node := range service.Nodes {
			nodes = append(nodes, map[string]any{
				"id": node.Id, "address": node.Address, "version": service.Version,
				"metadata": node.Metadata, "endpoints": len(service.Endpoints),
			})
		}
	}
	_ = out.Encode(map[string]any{"nodes": nodes})
}

func watch(o options) {
	w, err := o.open().Watch(registry.WatchService(o.name))
	must(err)
	_ = out.Encode(map[string]bool{"ready": true})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		result, err := w.Next()
		if err != nil {
			_ = out.Encode(map[string]string{"error": err.Error()})
			return
		}
		ids := []string{}
		for _, node := range result.Service.Nodes {
			ids = append(ids, node.Id)
		}
		sort.Strings(ids)
		_ = out.Encode(map[string]any{"action": result.Action, "ids": ids})
	}
}

// freeAddress names a port: with port 0 a restarted listener of go-micro would be another one.
func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func must(err error) {
	if err != nil {
		fatal(err.Error())
	}
}

func fatal(text string) {
	fmt.Fprintln(os.Stderr, "registries: "+text)
	os.Exit(2)
}
