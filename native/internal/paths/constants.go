// SPDX-License-Identifier: Apache-2.0

package paths

import "time"

const (
	// activePace is that of probes and echoes on the active path while the peer has traffic.
	activePace = time.Second
	// retryPace is that of probes on a path that has just missed one.
	retryPace = 200 * time.Millisecond
	// downPace is that of probes on a path that is down, and freshPace while it has not been down for long:
	// most outages are short. Without a flow of traffic it is asked less and less.
	downPace  = 5 * time.Second
	freshPace = time.Second
	freshTime = 15 * time.Second
	// trialStart is the first wait between probes on a new path; the waits double.
	trialStart = 100 * time.Millisecond
	// trialTime is how long a new path is asked quickly.
	trialTime = 3 * time.Second

	// answerTimeMin is how long a probe may take at least before it is missed.
	answerTimeMin = 500 * time.Millisecond
	// answerTimeRtts is the same in round trips.
	answerTimeRtts = 4
	// lateTime is how long an answer still proves a path, even if its probe was missed: the round trip
	// of a new path is not known, and may be longer than any timeout.
	lateTime = 10 * time.Second
	// missesMax in a row bring a path down, and so long after the first of them was sent at the earliest:
	// asked every hundred milliseconds, a lossy path would soon miss three.
	missesMax = 3
	fallTime  = 1200 * time.Millisecond

	// doubtPace is that of probes on a path of which it is in doubt whether it carries anything.
	doubtPace = 100 * time.Millisecond
	// doubtsMax answers in a row, each of which could have told of a packet and did not, mean that a path
	// carries nothing. Each of them comes with a packet more, so that plain loss has to hit them all.
	doubtsMax = 4
	// watchPace is that of looks at what leaves and what comes back, while packets leave.
	watchPace = 25 * time.Millisecond
	// wokenTime is how long that is looked at after a first packet, until the counters tell.
	wokenTime = time.Second
	// patienceMin is how long nothing may come back at least, before there is doubt; beyond that it is
	// the round trip and how much that varies, but patienceVarMin.
	patienceMin    = 50 * time.Millisecond
	patienceVarMin = 20 * time.Millisecond
	patienceVars   = 4
	// backupPace is that of probes on the paths next in line while the peer has traffic.
	backupPace = 3 * time.Second
	// backupsKept are that many.
	backupsKept = 2

	// troubleTime is how long the other paths are asked often because the active one is in doubt.
	troubleTime = 5 * time.Second

	// suspectMin packets that were not heard are reason to ask again soon, though others were.
	suspectMin = 3
	// promotionTime is how long packets leave over two paths at most.
	promotionTime = 3 * time.Second
	// holdStart is how long a path that carries nothing is left alone; the time doubles up to holdMax,
	// and begins anew once the path has carried for as long.
	holdStart = 10 * time.Second
	holdMax   = 10 * time.Minute

	// A path that falls within flapTime of its rise rests before it may rise again while another one is up:
	// restStart at first, each time twice as long up to restMax, and anew once it has been up for steadyTime. A
	// longer rest would outlast what moved the path: NATs and networks change several times and then hold.
	flapTime   = 10 * time.Second
	restStart  = 2 * time.Second
	restMax    = 20 * time.Second
	steadyTime = 2 * time.Minute

	// rttWeight is the share of a new round trip in the smoothed one, as a divisor (RFC 6298).
	rttWeight = 8
	// rttVarWeight is the same for how much round trips vary.
	rttVarWeight = 4
	// outstandingMax bounds the memory of what was asked.
	outstandingMax = 64
	// historyLength is how many probes the loss is counted over.
	historyLength = 64
)
