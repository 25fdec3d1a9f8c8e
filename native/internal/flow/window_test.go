// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"testing"
	"time"
)

func TestAFullWindowWaitsForSomebodyToLeave(t *testing.T) {
	window := NewWindow()
	window.Enter(packetsMax + 1)
	done := make(chan struct{})
	go func() { window.Leave(2); close(done) }()
	window.Wait()
	<-done
}

func TestPacketsThatGotLostInsideDoNotBlockForEver(t *testing.T) {
	window := NewWindow()
	window.Enter(packetsMax)
	began := time.Now()
	window.Wait()
	if waited := time.Since(began); waited < patience {
		t.Errorf("waited only %v", waited)
	}
	if inside := window.inside.Load(); inside != 0 {
		t.Errorf("%d are still counted", inside)
	}
}

func TestThoseThatNeverEnteredDoNotCount(t *testing.T) {
	window := NewWindow()
	window.Leave(5)
	window.Enter(1)
	if inside := window.inside.Load(); inside != 1 {
		t.Errorf("%d inside", inside)
	}
}
