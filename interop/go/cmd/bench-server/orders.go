package main

import (
	"context"
	"log"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// orderFile is what the suite `real` has written: the answer, encoded. Its schema is bench/real/orders.proto.
const orderFile = "order.binpb"

// registerOrders serves shop.v1.Orders, if the suite `real` has run before.
func registerOrders(server *grpc.Server) {
	program, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	octets, err := os.ReadFile(program[:len(program)-len("bench-server")] + orderFile)
	if err != nil {
		return
	}
	order := new(Order)
	if err := proto.Unmarshal(octets, order); err != nil {
		log.Fatal(err)
	}
	get := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		if err := decode(new(GetOrder)); err != nil {
			return nil, err
		}
		return order, nil
	}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "shop.v1.Orders",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Get", Handler: get}, {MethodName: "Peek", Handler: get}},
	}, nil)
}
