// SPDX-License-Identifier: Apache-2.0

package paths

// second is the path that packets should leave over as well; nil is none.
func (prober *Prober) second() *path {
	switch {
	case prober.promotion.path != nil:
		return prober.promotion.path
	case !prober.doubt.since.IsZero(), prober.duplicate:
		return prober.backup()
	}
	return nil
}

// settle is what every event ends with: packets leave over a second path for as long as there is reason.
func (prober *Prober) settle(actions []Action) []Action {
	second := prober.second()
	if second == prober.doubled {
		return actions
	}
	prober.doubled = second
	if second == nil {
		return append(actions, Double{})
	}
	second.proof.begin(prober.meter.Sent(second.id))
	// What proves a path must leave over it, too.
	return append([]Action{Double{second.id}}, actions...)
}

// Duplicate makes packets leave over the two best paths all the time, so that one that dies costs none.
func (prober *Prober) Duplicate(always bool) []Action {
	prober.duplicate = always
	return prober.settle(nil)
}
