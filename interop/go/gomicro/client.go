package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"go-micro.dev/v5/client"
	"go-micro.dev/v5/errors"
	"go-micro.dev/v5/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// caller holds what the cases of both protocols share.
type caller struct {
	client  client.Client
	address string
	// The content type that carries protobuf for this client.
	proto string
}

const contentJSON = "application/json"

func (c caller) call(endpoint string, in, out any, contentType string, ctx context.Context, more ...client.CallOption) error {
	request := c.client.NewRequest("greeter", endpoint, in, client.WithContentType(contentType))
	return c.client.Call(ctx, request, out, append(more, client.WithAddress(c.address))...)
}

func (c caller) text(endpoint, name string) (string, error) {
	out := new(HelloReply)
	err := c.call(endpoint, &HelloRequest{Name: name}, out, contentJSON, context.Background())
	return out.Text, err
}

func (c caller) unaryJSON() error {
	text, err := c.text("Greeter.Hello", "Ada <ä>")
	return expect("Hello, Ada <ä>", text, err)
}

func (c caller) unaryProtobuf() error {
	out := new(wrapperspb.StringValue)
	err := c.call("Words.Upper", wrapperspb.String("ada"), out, c.proto, context.Background())
	return expect("ADA", out.Value, err)
}

// appError wants the error with all of its four fields.
func (c caller) appError() error {
	_, err := c.text("Greeter.Fail", "Bob")
	return expectError(err, "greeter", 404, "no such name Bob", "Not Found")
}

func (c caller) unknownEndpoint() error {
	_, err := c.text("Greeter.Nobody", "Ada")
	if err == nil {
		return fmt.Errorf("want an error, got none")
	}
	if err = c.unaryJSON(); err != nil {
		return fmt.Errorf("the call after it: %w", err)
	}
	return nil
}

func (c caller) metadata() error {
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"X-Token": "s3cret, two", "Plain": "ok"})
	for key, want := range map[string]string{"X-Token": "s3cret, two", "Plain": "ok"} {
		out := new(HelloReply)
		err := c.call("Greeter.Meta", &HelloRequest{Name: key}, out, contentJSON, ctx)
		if err = expect(want, out.Text, err); err != nil {
			return err
		}
	}
	return nil
}

func (c caller) timeout() error {
	start := time.Now()
	err := c.call("Greeter.Slow", &HelloRequest{}, new(HelloReply), contentJSON, context.Background(),
		client.WithRequestTimeout(300*time.Millisecond), connectionTimeout(300*time.Millisecond))
	if err == nil {
		return fmt.Errorf("want a timeout, got a reply")
	}
	if code := errors.Parse(err.Error()).Code; code != 408 {
		return fmt.Errorf("want code 408, got %d: %v", code, err)
	}
	if took := time.Since(start); took > 3*time.Second {
		return fmt.Errorf("the timeout took %v", took)
	}
	return c.until("slow", "deadline")
}

func (c caller) chat() (client.Stream, error) { return c.chatIn(context.Background()) }

func (c caller) chatIn(ctx context.Context) (client.Stream, error) {
	request := c.client.NewRequest("greeter", "Greeter.Chat", &HelloRequest{}, client.WithContentType(contentJSON), client.StreamingRequest())
	return c.client.Stream(ctx, request, client.WithAddress(c.address))
}

func pingPong(stream client.Stream, count int) error {
	for i := 0; i < count; i++ {
		name := fmt.Sprintf("n%d", i)
		if err := stream.Send(&HelloRequest{Name: name}); err != nil {
			return fmt.Errorf("send %d: %w", i, err)
		}
		out := new(HelloReply)
		if err := stream.Recv(out); err != nil || out.Text != "Hello, "+name {
			return fmt.Errorf("message %d: %q, %v", i, out.Text, err)
		}
	}
	return nil
}

// streamServerEnds: the server ends after three messages; the client sees the end.
func (c caller) streamServerEnds() error {
	stream, err := c.chat()
	if err != nil {
		return err
	}
	defer stream.Close()
	if err := pingPong(stream, 3); err != nil {
		return err
	}
	if err := stream.Send(&HelloRequest{Name: "bye"}); err != nil {
		return err
	}
	if err := stream.Recv(new(HelloReply)); err != io.EOF {
		return fmt.Errorf("want the end of the stream, got %v", err)
	}
	return nil
}

// streamError: the server fails in the stream.
func (c caller) streamError() error {
	stream, err := c.chat()
	if err != nil {
		return err
	}
	defer stream.Close()
	if err := pingPong(stream, 1); err != nil {
		return err
	}
	if err := stream.Send(&HelloRequest{Name: "boom"}); err != nil {
		return err
	}
	if err := stream.Recv(new(HelloReply)); err == nil || err == io.EOF {
		return fmt.Errorf("want an error, got %v", err)
	}
	return nil
}

// serverGone: the server goes away in the middle of a call. Last, for nobody is there afterwards.
func (c caller) serverGone() error {
	start := time.Now()
	_, err := c.text("Greeter.Exit", "")
	if err == nil {
		return fmt.Errorf("want an error, got a reply")
	}
	if took := time.Since(start); took > 4*time.Second {
		return fmt.Errorf("the error took %v: %v", took, err)
	}
	return nil
}

// until asks for a noted state until it is as wanted, three seconds at most.
func (c caller) until(key, want string) error {
	var text string
	var err error
	for i := 0; i < 60; i++ {
		if text, err = c.text("Greeter.State", key); err == nil && text == want {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return expect(want, text, err)
}

func (c caller) length(size int) error {
	out := new(wrapperspb.StringValue)
	in := wrapperspb.Bytes(make([]byte, size))
	err := c.call("Words.Length", in, out, c.proto, context.Background())
	return expect(fmt.Sprint(size), out.Value, err)
}

func expect(want, got string, err error) error {
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("want %q, got %q", want, got)
	}
	return nil
}

func expectError(err error, id string, code int32, detail, status string) error {
	if err == nil {
		return fmt.Errorf("want an error, got none")
	}
	e := errors.Parse(err.Error())
	if e.Id != id || e.Code != code || e.Detail != detail || e.Status != status {
		return fmt.Errorf("want {%s %d %s %s}, got %v", id, code, detail, status, err)
	}
	return nil
}
