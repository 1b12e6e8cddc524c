package main

import (
	"crypto/tls"
	"time"

	"github.com/micro/go-micro/v2/broker"
	memoryBroker "github.com/micro/go-micro/v2/broker/memory"
	"github.com/micro/go-micro/v2/client"
	clientGRPC "github.com/micro/go-micro/v2/client/grpc"
	"github.com/micro/go-micro/v2/registry"
	memoryRegistry "github.com/micro/go-micro/v2/registry/memory"
	"github.com/micro/go-micro/v2/server"
	serverGRPC "github.com/micro/go-micro/v2/server/grpc"
	"github.com/micro/go-micro/v2/transport"
	transportGRPC "github.com/micro/go-micro/v2/transport/grpc"
)

func newRegistry() registry.Registry { return memoryRegistry.NewRegistry() }

func newBroker() broker.Broker { return memoryBroker.NewBroker() }

func newMucpServer(settings ...server.Option) server.Server { return server.NewServer(settings...) }

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
func connectionTimeout(time time.Duration) client.CallOption { return client.WithDialTimeout(time) }

// closeSend would end our half of a stream: Close cancels all of it.
func closeSend(client.Stream) error { return errNoHalfClose }
