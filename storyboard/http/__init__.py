"""Everything that crosses the network, and every rule about it: nobody else opens a connection."""
