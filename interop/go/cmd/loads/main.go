// Loads is grpc-go as a peer of the load matrix: `loads server|client [--cert F --key F] [--windows small]`.
// One line of JSON on standard input is one request, one on standard output its answer; see
// scripts/conformance/loads/protocol.ts.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
)

const (
	messageSizeMax = 80 << 20
	smallWindow    = 65_535
	patternPeriod  = 251
	patternSizeMax = 64 << 20
)

// pattern is what messages hold: message i of a call is a stretch that begins at i modulo the period.
var pattern = makePattern()

func makePattern() []byte {
	all := make([]byte, patternSizeMax+patternPeriod)
	for i := range patternPeriod {
		all[i] = byte(i)
	}
	for filled := patternPeriod; filled < len(all); filled *= 2 {
		copy(all[filled:], all[:filled])
	}
	return all
}

func stretch(index, size int) []byte { return pattern[index%patternPeriod:][:size] }

func check(message []byte, index, size int) error {
	if len(message) != size {
		return corrupt(fmt.Sprintf("message %d has %d octets; expected %d", index, len(message), size))
	}
	if !bytes.Equal(message, stretch(index, size)) {
		return corrupt(fmt.Sprintf("message %d differs", index))
	}
	return nil
}

type corrupt string

func (c corrupt) Error() string { return "CORRUPT: " + string(c) }

type request struct {
	Do       string `json:"do"`
	Port     int    `json:"port"`
	CAFile   string `json:"caFile"`
	Security string `json:"security"`
	Windows  string `json:"windows"`
	Kind     string `json:"kind"`
	Size     int    `json:"size"`
	AtOnce   int    `json:"atOnce"`
	Count    int    `json:"count"`
	Ending   string `json:"ending"`
}

func (r request) held() bool {
	return r.Ending != "complete" && r.Ending != "break" && r.Ending != "throw"
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: loads server|client [flags]")
	}
	flags := map[string]string{}
	for i := 2; i+1 < len(os.Args); i += 2 {
		flags[os.Args[i]] = os.Args[i+1]
	}
	answers := &handlers{}
	port := 0
	if os.Args[1] == "server" {
		port = answers.serve(flags["--cert"], flags["--key"], flags["--windows"] == "small")
	}
	out := json.NewEncoder(os.Stdout)
	out.Encode(map[string]int{"port": port})
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			log.Fatal(err)
		}
		if asked.Do == "load" {
			out.Encode(load(asked))
		} else {
			out.Encode(answers.stats())
		}
	}
}
