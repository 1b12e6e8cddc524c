package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"slices"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	neverCount  = 1_000_000
	callTimeMax = 50 * time.Second
	heldTime    = 500 * time.Millisecond
)

var errSource = errors.New("the source has failed")

type report struct {
	Outcomes   map[string]int `json:"outcomes"`
	Seconds    float64        `json:"seconds"`
	OtherP99Ms float64        `json:"otherP99Ms"`
	HeldMs     float64        `json:"heldMs"`
	Open       int            `json:"open"`
}

func dial(r request) *grpc.ClientConn {
	options := []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.ForceCodecV2(octetsCodec{}),
		grpc.MaxCallRecvMsgSize(messageSizeMax), grpc.MaxCallSendMsgSize(messageSizeMax))}
	secure := insecure.NewCredentials()
	if r.Security == "tls" {
		trusted, err := credentials.NewClientTLSFromFile(r.CAFile, "localhost")
		if err != nil {
			log.Fatal(err)
		}
		secure = trusted
	}
	if r.Security == "gzip" {
		options = append(options, grpc.WithDefaultCallOptions(grpc.UseCompressor("gzip")))
	}
	if r.Windows == "small" {
		options = append(options, grpc.WithInitialWindowSize(smallWindow), grpc.WithInitialConnWindowSize(smallWindow))
	}
	target := fmt.Sprintf("passthrough:///127.0.0.1:%d", r.Port)
	connection, err := grpc.NewClient(target, append(options, grpc.WithTransportCredentials(secure))...)
	if err != nil {
		log.Fatal(err)
	}
	return connection
}

func load(r request) report {
	connection := dial(r)
	defer connection.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	others := make(chan float64, 1)
	go func() { others <- otherCalls(connection, r, done) }()
	start := time.Now()
	var lock sync.Mutex
	outcomes := map[string]int{}
	var calls sync.WaitGroup
	for range r.AtOnce {
		calls.Go(func() {
			outcome := outcomeOf(one(ctx, connection, r))
			lock.Lock()
			defer lock.Unlock()
			outcomes[outcome]++
		})
	}
	if r.Ending == "signal" {
		time.Sleep(heldTime)
		cancel()
	}
	calls.Wait()
	seconds := time.Since(start).Seconds()
	close(done)
	return report{Outcomes: outcomes, Seconds: seconds, OtherP99Ms: <-others}
}

// otherCalls makes small calls one after another until done, and gives their 99th percentile.
func otherCalls(connection *grpc.ClientConn, r request, done chan struct{}) float64 {
	if r.Ending != "complete" && r.Ending != "break" {
		return 0
	}
	small := request{Kind: "unary", Size: 100, Count: 1, Ending: "complete"}
	var times []float64
	for {
		start := time.Now()
		if err := one(context.Background(), connection, small); err == nil {
			times = append(times, time.Since(start).Seconds()*1_000)
		}
		select {
		case <-done:
			slices.Sort(times)
			if len(times) == 0 {
				return 0
			}
			return times[len(times)*99/100]
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func outcomeOf(err error) string {
	var broken corrupt
	switch {
	case err == nil:
		return "OK"
	case errors.Is(err, errSource):
		return "SOURCE"
	case errors.As(err, &broken):
		return broken.Error()
	}
	switch code := status.Code(err); code {
	case codes.Canceled:
		return "CANCELLED"
	case codes.DeadlineExceeded:
		return "DEADLINE_EXCEEDED"
	case codes.Unavailable:
		return "UNAVAILABLE"
	default:
		return err.Error()
	}
}

func one(ctx context.Context, connection *grpc.ClientConn, r request) error {
	count, hold := r.Count, "0"
	if (r.held() || r.Ending == "throw") && r.Kind != "server" {
		count = neverCount
	}
	limit := callTimeMax
	if r.held() {
		hold = "1"
	}
	if r.Ending == "deadline" {
		limit = heldTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-count", strconv.Itoa(count), "x-size", strconv.Itoa(r.Size), "x-hold", hold)
	if r.Kind == "unary" {
		var reply octets
		if err := connection.Invoke(ctx, "/loads.Load/Unary", message(0, r.Size), &reply); err != nil {
			return err
		}
		return checked(&reply, 0, r.Size)
	}
	return streamed(ctx, connection, r)
}

func checked(reply *octets, index, size int) error {
	defer reply.data.Free()
	return check(reply.data.Materialize(), index, size)
}

func streamed(ctx context.Context, connection *grpc.ClientConn, r request) error {
	names := map[string]string{"client": "Upload", "server": "Download", "bidi": "Bidi"}
	description := &grpc.StreamDesc{ClientStreams: r.Kind != "server", ServerStreams: r.Kind != "client"}
	stream, err := connection.NewStream(ctx, description, "/loads.Load/"+names[r.Kind])
	if err != nil {
		return err
	}
	if r.Kind == "server" {
		if err := stream.SendMsg(message(0, 0)); err != nil {
			return err
		}
		stream.CloseSend()
		return received(stream, r)
	}
	failed := make(chan error, 1)
	go func() { failed <- sent(stream, r) }()
	if r.Ending == "throw" {
		// The caller of a source that fails cancels its call, by the context that ends with it.
		return <-failed
	}
	if r.Kind == "bidi" {
		return received(stream, r)
	}
	var reply octets
	if err := stream.RecvMsg(&reply); err != nil {
		return err
	}
	defer reply.data.Free()
	if answer := reply.data.Materialize(); len(answer) != 4 || int(binary.BigEndian.Uint32(answer)) != r.Count {
		return corrupt(fmt.Sprintf("the server took %x; %d were sent", answer, r.Count))
	}
	return nil
}

// sent is the source of a call: held ones send one message and then nothing.
func sent(stream grpc.ClientStream, r request) error {
	for index := range r.Count {
		if err := stream.SendMsg(message(index, r.Size)); err != nil {
			return err
		}
		if r.Ending == "throw" {
			return errSource
		}
		if r.held() {
			return nil
		}
	}
	return stream.CloseSend()
}

func received(stream grpc.ClientStream, r request) error {
	for index := 0; ; index++ {
		var reply octets
		if err := stream.RecvMsg(&reply); errors.Is(err, io.EOF) {
			if index != r.Count {
				return corrupt(fmt.Sprintf("an orderly end after %d of %d responses", index, r.Count))
			}
			return nil
		} else if err != nil {
			return err
		}
		if err := checked(&reply, index, r.Size); err != nil || r.Ending == "break" {
			return err
		}
	}
}
