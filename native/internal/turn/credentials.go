// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"time"
)

// secretLifetime is how long credentials made of a secret are valid. The name of an allocation cannot
// change, so this is also how long an allocation can last on a server that looks at every request.
const secretLifetime = 24 * time.Hour

// Credentials are a name with either a password or the secret that the server makes passwords of.
type Credentials struct {
	Username string
	Password string
	Secret   string
}

// at gives what to say to the server from now on. With a secret that is the convention known as the
// TURN REST API: the name carries its expiry, and the password is the name's code.
func (credentials Credentials) at(now time.Time) (username, password string) {
	if credentials.Secret == "" {
		return credentials.Username, credentials.Password
	}
	username = fmt.Sprintf("%d:%s", now.Add(secretLifetime).Unix(), credentials.Username)
	code := hmac.New(sha1.New, []byte(credentials.Secret))
	code.Write([]byte(username))
	return username, base64.StdEncoding.EncodeToString(code.Sum(nil))
}
