package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"go-micro.dev/v5/broker"
	"go-micro.dev/v5/broker/nats"
	"go-micro.dev/v5/broker/rabbitmq"
	"go-micro.dev/v5/client"
	gclient "go-micro.dev/v5/client/grpc"
	"go-micro.dev/v5/metadata"
	"go-micro.dev/v5/registry"
	"go-micro.dev/v5/server"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// peer is one process of Go with a broker, a mucp client and a native one, and a mucp server.
type peer struct {
	broker broker.Broker
	nodes  registry.Registry
	mucp   client.Client
	native client.Client
	server server.Server
	subs   []broker.Subscriber
}

// Order is what services publish to each other as JSON.
type Order struct {
	ID   int    `json:"id"`
	Item string `json:"item"`
}

func newPeer(name, address string) (*peer, error) {
	var b broker.Broker
	r := registry.NewMemoryRegistry()
	switch name {
	case "nats":
		b = nats.NewNatsBroker(broker.Addrs(address))
	case "rabbitmq":
		b = rabbitmq.NewBroker(broker.Addrs(address))
	case "http":
		// Its nodes and ours are told to each other line by line: no engine, and no wait for one.
		b = broker.NewHttpBroker(broker.Registry(r))
	default:
		return nil, fmt.Errorf("no broker %s in go-micro v5", name)
	}
	if err := b.Init(); err != nil {
		return nil, err
	}
	if err := b.Connect(); err != nil {
		return nil, err
	}
	s := server.NewServer(server.Name("gokitchen"), server.Broker(b), server.Registry(r), server.Address("127.0.0.1:0"))
	return &peer{
		broker: b,
		nodes:  r,
		mucp:   client.NewClient(client.Broker(b), client.Registry(r)),
		native: gclient.NewClient(client.Broker(b), client.Registry(r)),
		server: s,
	}, nil
}

func (p *peer) run(c command, answer map[string]any) error {
	switch c.Do {
	case "subscribe":
		return p.subscribe(c)
	case "unsubscribe":
		for _, each := range p.subs {
			if err := each.Unsubscribe(); err != nil {
				return err
			}
		}
		p.subs = nil
		return nil
	case "publish":
		return p.broker.Publish(c.Topic, &broker.Message{Header: c.Header, Body: c.Body})
	case "client", "native":
		return p.publishAsClient(c)
	case "serve":
		return p.serve(c)
	case "register":
		return p.nodes.Register(c.Service)
	case "list":
		services, err := p.nodes.GetService(c.Topic)
		answer["services"] = services
		return err
	case "load":
		return p.load(c, answer)
	}
	return fmt.Errorf("cannot do %s", c.Do)
}

// subscribe tells each message as it came.
func (p *peer) subscribe(c command) error {
	options := []broker.SubscribeOption{}
	if c.Queue != "" {
		options = append(options, broker.Queue(c.Queue))
	}
	sub, err := p.broker.Subscribe(c.Topic, func(e broker.Event) error {
		m := e.Message()
		say(map[string]any{"say": "message", "topic": e.Topic(), "queue": c.Queue, "header": m.Header, "body": m.Body})
		if c.Fail {
			return fmt.Errorf("no such dish")
		}
		return nil
	}, options...)
	if err == nil {
		p.subs = append(p.subs, sub)
	}
	return err
}

// publishAsClient publishes as a service does: with a content type and its codec.
func (p *peer) publishAsClient(c command) error {
	chosen := p.mucp
	if c.Do == "native" {
		chosen = p.native
	}
	ctx := metadata.NewContext(context.Background(), metadata.Metadata(c.Header))
	options := []client.MessageOption{}
	if c.ContentType != "" {
		options = append(options, client.WithMessageContentType(c.ContentType))
	}
	var body any = &Order{ID: 7, Item: "soup"}
	if c.ContentType != "application/json" {
		body = wrapperspb.String("soup")
	}
	return chosen.Publish(ctx, chosen.NewMessage(c.Topic, body, options...))
}

// serve subscribes as a service does, for messages of JSON and of protobuf.
func (p *peer) serve(c command) error {
	options := []server.SubscriberOption{}
	if c.Queue != "" {
		options = append(options, server.SubscriberQueue(c.Queue))
	}
	tell := func(ctx context.Context, value any) error {
		md, _ := metadata.FromContext(ctx)
		say(map[string]any{"say": "order", "topic": c.Topic, "order": value, "metadata": md})
		if c.Fail {
			return fmt.Errorf("no such dish")
		}
		return nil
	}
	var handler any = func(ctx context.Context, order *Order) error { return tell(ctx, order) }
	if c.ContentType == "application/protobuf" {
		handler = func(ctx context.Context, text *wrapperspb.StringValue) error { return tell(ctx, text.Value) }
	}
	if err := p.server.Subscribe(p.server.NewSubscriber(c.Topic, handler, options...)); err != nil {
		return err
	}
	return p.server.Start()
}

// load publishes and hears so many messages, and tells the processor time of this process that they took.
func (p *peer) load(c command, answer map[string]any) error {
	done := make(chan struct{})
	heard := 0
	sub, err := p.broker.Subscribe(c.Topic, func(broker.Event) error {
		if heard++; heard == c.Count {
			close(done)
		}
		return nil
	})
	if err != nil {
		return err
	}
	defer sub.Unsubscribe()
	time.Sleep(100 * time.Millisecond)
	body := make([]byte, c.Size)
	header := map[string]string{"Content-Type": "application/octet-stream", "Micro-Topic": c.Topic}
	before, start := cpu(), time.Now()
	for i := 0; i < c.Count; i++ {
		if err := p.broker.Publish(c.Topic, &broker.Message{Header: header, Body: body}); err != nil {
			return err
		}
	}
	select {
	case <-done:
	case <-time.After(60 * time.Second):
		return fmt.Errorf("heard %d of %d", heard, c.Count)
	}
	answer["cpuMs"] = (cpu() - before).Milliseconds()
	answer["timeMs"] = time.Since(start).Milliseconds()
	return nil
}

func cpu() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
