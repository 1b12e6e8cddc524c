// Command gomicro is go-micro as it is, as a server or as a client, for the interop suite of microwire.
//
//	gomicro serve-mucp|serve-grpc [-cert FILE -key FILE]
//	gomicro call-mucp|call-grpc -address HOST:PORT [-ca FILE] [-cases a,b,c]
//
// A server prints {"address":"host:port"} when it is ready and ends with its standard input. A client
// prints one JSON line for each case and exits with 0 if all of them passed.
//
// The one source is for v5 and v6: the suite rewrites the import path for v6.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
)

type options struct {
	mode, address, cert, key, ca, cases string
}

func main() {
	if len(os.Args) < 2 {
		fatal("usage: gomicro serve-mucp|serve-grpc|call-mucp|call-grpc [flags]")
	}
	o := options{mode: os.Args[1]}
	flags := flag.NewFlagSet("gomicro", flag.ExitOnError)
	flags.StringVar(&o.address, "address", "127.0.0.1:0", "address to listen on or to call")
	flags.StringVar(&o.cert, "cert", "", "certificate of the server, PEM")
	flags.StringVar(&o.key, "key", "", "key of the server, PEM")
	flags.StringVar(&o.ca, "ca", "", "certificate the client trusts, PEM; TLS if given")
	flags.StringVar(&o.cases, "cases", "", "cases to run, comma between; all if empty")
	_ = flags.Parse(os.Args[2:])
	switch o.mode {
	case "serve-mucp", "serve-grpc":
		serve(o)
	case "call-mucp":
		run(o, mucpCases(o))
	case "call-grpc":
		run(o, grpcCases(o))
	default:
		fatal("unknown mode " + o.mode)
	}
}

type testCase struct {
	name string
	run  func() error
}

type result struct {
	Case  string `json:"case"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// run runs the chosen cases in order and prints a line for each.
func run(o options, cases []testCase) {
	wanted := map[string]bool{}
	for _, name := range strings.Split(o.cases, ",") {
		if name != "" {
			wanted[name] = true
		}
	}
	failed := false
	out := json.NewEncoder(os.Stdout)
	for _, c := range cases {
		if len(wanted) > 0 && !wanted[c.name] {
			continue
		}
		line := result{Case: c.name, OK: true}
		if err := guarded(c.run); err != nil {
			line.OK, line.Error, failed = false, err.Error(), true
		}
		_ = out.Encode(line)
	}
	if failed {
		os.Exit(1)
	}
}

func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}

func (o options) serverTLS() *tls.Config {
	if o.cert == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		fatal(err.Error())
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2"}}
}

func (o options) clientTLS() *tls.Config {
	if o.ca == "" {
		return nil
	}
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		fatal(err.Error())
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		fatal("no certificate in " + o.ca)
	}
	return &tls.Config{RootCAs: roots, ServerName: "localhost"}
}

func fatal(text string) {
	fmt.Fprintln(os.Stderr, "gomicro: "+text)
	os.Exit(2)
}
