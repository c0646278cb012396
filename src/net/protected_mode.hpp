// Protected mode, as in Redis: a server without a password serves its own machine only, whatever address it listens on, until
// somebody says `protected-mode no`. There is no password yet, so the setting alone decides.
#pragma once

#include <sys/socket.h>

#include <string_view>

namespace trefoil::net {

// Whether the peer is this machine: 127.0.0.0/8, ::1, or the former written as IPv6.
bool isLoopback(const sockaddr_storage& peer);

// What a refused client is told, as a whole RESP error; clients look for its first word.
inline constexpr std::string_view kDenied =
    "-DENIED Trefoil is running in protected mode because protected mode is enabled and no password is set for the default user. "
    "In this mode connections are only accepted from the loopback interface. If you want to connect from external computers you "
    "may disable protected mode: 1) by sending the command 'CONFIG SET protected-mode no' from the loopback interface, or 2) by "
    "starting the server with the option '--protected-mode no'. Everybody who can reach the server then can read and change "
    "everything and stop it: MAKE SURE that it is not publicly accessible from internet if you do so.\r\n";

}  // namespace trefoil::net
