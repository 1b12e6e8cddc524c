package main

import (
	"crypto/tls"
	"time"

	clientGRPC "github.com/go-micro/plugins/v4/client/grpc"
	serverGRPC "github.com/go-micro/plugins/v4/server/grpc"
	transportGRPC "github.com/go-micro/plugins/v4/transport/grpc"
	"go-micro.dev/v4/broker"
	"go-micro.dev/v4/client"
	"go-micro.dev/v4/registry"
	"go-micro.dev/v4/server"
	"go-micro.dev/v4/transport"
)

func newRegistry() registry.Registry { return registry.NewMemoryRegistry() }

func newBroker() broker.Broker { return broker.NewMemoryBroker() }

func newMucpServer(settings ...server.Option) server.Server { return server.NewRPCServer(settings...) }

func newTransport(config *tls.Config) transport.Transport {
	if config == nil {
		return transportGRPC.NewTransport()
	}
	return transportGRPC.NewTransport(transport.TLSConfig(config))
}

func newGRPCServer(config *tls.Config, settings ...server.Option) server.Server {
	if config != nil {
		settings = append(settings, serverGRPC.AuthTLS(config))
	}
	return serverGRPC.NewServer(settings...)
}

func newGRPCClient(config *tls.Config, sendSizeMax int, settings ...client.Option) client.Client {
	settings = append(settings, clientGRPC.MaxSendMsgSize(sendSizeMax))
	if config != nil {
		settings = append(settings, clientGRPC.AuthTLS(config))
	}
	return clientGRPC.NewClient(settings...)
}

// connectionTimeout is what the mucp client puts into the Timeout header; this version has no function for it.
func connectionTimeout(time time.Duration) client.CallOption {
	return func(o *client.CallOptions) { o.ConnectionTimeout = time }
}

// closeSend ends our half of a stream.
func closeSend(stream client.Stream) error { return stream.CloseSend() }
