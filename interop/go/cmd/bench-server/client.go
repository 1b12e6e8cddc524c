package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
)

const messageSize = 100

// caller keeps unary calls in flight to one server.
type caller struct{ connection *grpc.ClientConn }

func (c *caller) do(req request) (reply, error) {
	switch {
	case req.Do == "connect":
		target := fmt.Sprintf("passthrough:///127.0.0.1:%d", req.Port)
		connection, err := grpc.NewClient(target,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(octetsCodec{})))
		c.connection = connection
		return reply{}, err
	case req.Do == "unary" && c.connection != nil:
		begin := time.Now()
		err := c.callMany(int64(req.Calls), req.InFlight)
		return reply{"seconds": time.Since(begin).Seconds()}, err
	default:
		return nil, fmt.Errorf("unknown command %q", req.Do)
	}
}

func (c *caller) callMany(calls int64, inFlight int) error {
	var left atomic.Int64
	left.Store(calls)
	failures := make([]error, inFlight)
	var workers sync.WaitGroup
	for worker := range inFlight {
		workers.Go(func() {
			for failures[worker] == nil && left.Add(-1) >= 0 {
				failures[worker] = c.call()
			}
		})
	}
	workers.Wait()
	return errors.Join(failures...)
}

var message = &octets{mem.BufferSlice{mem.SliceBuffer(make([]byte, messageSize))}}

func (c *caller) call() error {
	var answer octets
	if err := c.connection.Invoke(context.Background(), "/bench.Echo/Unary", message, &answer); err != nil {
		return err
	}
	size := answer.data.Len()
	answer.data.Free()
	if size != messageSize {
		return fmt.Errorf("an echo of %d octets; expected %d", size, messageSize)
	}
	return nil
}
