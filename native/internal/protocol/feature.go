// SPDX-License-Identifier: Apache-2.0

package protocol

// Features are what this helper knows beyond the first helpers of version 1, by the names that PROTOCOL.md gives them.
// An agent sends what a name stands for only to a helper that lists it.
var Features = []string{
	"late-answers",
	"search-transaction",
}
