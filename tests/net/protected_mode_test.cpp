#include "net/protected_mode.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <catch2/catch.hpp>

#include <string>

namespace trefoil::net {
namespace {

sockaddr_storage peer(const std::string& text) {
  sockaddr_storage address{};
  if (text.find(':') != std::string::npos) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    v6.sin6_family = AF_INET6;
    REQUIRE(::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1);
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    v4.sin_family = AF_INET;
    REQUIRE(::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1);
  }
  return address;
}

}  // namespace

TEST_CASE("Only this machine's own peers are on its loopback interface") {
  for (const char* own : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"}) {
    CAPTURE(own);
    CHECK(isLoopback(peer(own)));
  }
  for (const char* other : {"10.0.0.1", "128.0.0.1", "126.255.255.255", "0.0.0.0", "1.0.0.127", "::", "::2", "fe80::1",
                            "::ffff:10.0.0.1", "7f00::1", "::127.0.0.1"}) {
    CAPTURE(other);
    CHECK_FALSE(isLoopback(peer(other)));
  }
  CHECK_FALSE(isLoopback(sockaddr_storage{}));
}

}  // namespace trefoil::net
