//go:build tools

// Package tools pins the router that the laboratory runs.
package tools

import _ "github.com/yggdrasil-network/yggdrasil-go/cmd/yggdrasil"
