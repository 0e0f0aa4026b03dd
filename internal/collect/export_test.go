package collect

import "net"

// OnListening has f called when the service listens.
func (s *Service) OnListening(f func(net.Addr)) { s.receiver.listening = f }
