// SPDX-License-Identifier: Apache-2.0

package turn

import (
	"testing"
	"time"
)

func TestAttemptsBecomeRareAndAreSpread(t *testing.T) {
	for _, step := range []struct {
		cause    Cause
		failures int
		random   float64
		want     time.Duration
	}{
		{ConnectionLost, 1, 0, 500 * time.Millisecond},
		{ConnectionLost, 1, 1, time.Second},
		{ServerSilent, 4, 1, 8 * time.Second},
		{ServerSilent, 7, 1, time.Minute},
		{ServerSilent, 1_000, 0, 30 * time.Second},
		{CredentialsRefused, 1, 0, 15 * time.Second},
		{QuotaReached, 2, 1, time.Minute},
		{CredentialsRefused, 1_000, 1, 10 * time.Minute},
	} {
		if got := defaultPace.wait(step.cause, step.failures, step.random); got != step.want {
			t.Errorf("%+v waits %v", step, got)
		}
	}
}

func TestAShortLifetimeIsRefreshedWithinIt(t *testing.T) {
	for lifetime, want := range map[time.Duration]time.Duration{10 * time.Minute: 20 * time.Second, 30 * time.Second: 10 * time.Second} {
		if got := defaultPace.refreshWithin(lifetime); got != want {
			t.Errorf("%v is refreshed every %v", lifetime, got)
		}
	}
}

func TestASecretMakesANameThatExpiresAndItsCode(t *testing.T) {
	username, password := Credentials{Username: "host-1", Secret: "north"}.at(noon)
	if username != "1700086400:host-1" || password != "WvNEdJ2zt1og6QRlkQmDMMKyyqE=" {
		t.Errorf("%s %s", username, password)
	}
	username, password = Credentials{Username: "anna", Password: "secret"}.at(noon)
	if username != "anna" || password != "secret" {
		t.Errorf("%s %s", username, password)
	}
}
