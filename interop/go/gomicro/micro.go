package main

import (
	"crypto/tls"
	"time"

	"go-micro.dev/v5/broker"
	"go-micro.dev/v5/client"
	clientGRPC "go-micro.dev/v5/client/grpc"
	"go-micro.dev/v5/registry"
	"go-micro.dev/v5/server"
	serverGRPC "go-micro.dev/v5/server/grpc"
	"go-micro.dev/v5/transport"
	transportGRPC "go-micro.dev/v5/transport/grpc"
)

// What differs between the versions of go-micro; the folders of the older ones have a micro.go of their own.

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

// connectionTimeout is what the mucp client puts into the Timeout header.
func connectionTimeout(time time.Duration) client.CallOption {
	return client.WithConnectionTimeout(time)
}

// closeSend ends our half of a stream.
func closeSend(stream client.Stream) error { return stream.CloseSend() }
