module microwire.test/interop/consul

go 1.19

require github.com/hashicorp/consul v1.14.11
