// SPDX-License-Identifier: Apache-2.0

package server

import "encoding/json"

// keep notes what was applied. A helper that cannot keep it works on, and starts with nothing after a crash.
func (s *Server) keep(params any, hasDevice bool) {
	if s.kept == nil {
		return
	}
	if !hasDevice {
		if err := s.kept.Remove(); err != nil {
			s.log.Warn("the state file stays", "error", err)
		}
		return
	}
	tree, _ := params.(map[string]any)
	document, err := json.Marshal(tree["desired"])
	if err == nil {
		err = s.kept.Save(document)
	}
	if err != nil {
		s.log.Warn("what was applied is not kept for the next start", "error", err)
	}
}
