// Go's side of the suite `engines`: go-micro v5 brokers and services that publish and subscribe, told what to do
// by lines of JSON on the standard input, telling what they saw by lines of JSON on the standard output.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"go-micro.dev/v5/registry"
)

// command is one line of the input.
type command struct {
	Do          string            `json:"do"`
	Topic       string            `json:"topic"`
	Queue       string            `json:"queue"`
	Header      map[string]string `json:"header"`
	Body        []byte            `json:"body"`
	ContentType string            `json:"contentType"`
	Fail        bool              `json:"fail"`
	Count       int               `json:"count"`
	Size        int               `json:"size"`
	Service     *registry.Service `json:"service"`
}

var output sync.Mutex

// say writes one line; what a reader of it looks for is its "say".
func say(fields map[string]any) {
	output.Lock()
	defer output.Unlock()
	line, err := json.Marshal(fields)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(string(line))
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gomicro-brokers nats|http|rabbitmq ADDRESS")
		os.Exit(2)
	}
	peer, err := newPeer(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	say(map[string]any{"say": "ready"})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var next command
		if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		answer := map[string]any{"say": "done", "do": next.Do}
		if err := peer.run(next, answer); err != nil {
			answer["error"] = err.Error()
		}
		say(answer)
	}
}
