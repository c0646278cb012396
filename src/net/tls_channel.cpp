#include "net/tls_channel.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <new>

namespace trefoil::net {

using enum Transfer::Then;

// OpenSSL's view of the channel's socket.
class TlsSocketBio {
 public:
  static BIO* create(TlsChannel& channel) {
    static const BIO_METHOD* const methods = makeMethods();
    BIO* const bio = methods == nullptr ? nullptr : BIO_new(methods);
    if (bio != nullptr) {
      BIO_set_data(bio, &channel);
      BIO_set_init(bio, 1);
    }
    return bio;
  }

 private:
  static const BIO_METHOD* makeMethods() {
    BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "trefoil socket");
    if (method != nullptr) {
      BIO_meth_set_read_ex(method, read);
      BIO_meth_set_write_ex(method, write);
      BIO_meth_set_ctrl(method, control);
    }
    return method;
  }
  static TlsChannel& channelOf(BIO* bio) { return *static_cast<TlsChannel*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* data, std::size_t size, std::size_t* done) {
    TlsChannel& channel = channelOf(bio);
    BIO_clear_retry_flags(bio);
    *done = 0;
    Transfer::Then then = kWait;
    if (!channel.drained_) {
      const Transfer transfer = channel.SocketChannel::read({data, size});
      *done = transfer.bytes;
      then = transfer.then;
      channel.drained_ = then == kWait;
      channel.at_end_ = then == kEnd;
    }
    if (*done == 0 && then == kWait) {
      BIO_set_retry_read(bio);
    }
    return *done != 0 ? 1 : 0;
  }
  static int write(BIO* bio, const char* data, std::size_t size, std::size_t* done) {
    BIO_clear_retry_flags(bio);
    const Transfer transfer = channelOf(bio).SocketChannel::write({data, size});
    *done = transfer.bytes;
    if (*done == 0 && transfer.then == kWait) {
      BIO_set_retry_write(bio);
    }
    return *done != 0 ? 1 : 0;
  }
  static long control(BIO* bio, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_EOF:
        return channelOf(bio).at_end_ ? 1 : 0;
      default:
        return 0;
    }
  }
};

TlsChannel::TlsChannel(int socket, const TlsContext& context) : SocketChannel(socket), tls_(context.newConnection()) {
  BIO* const bio = tls_ == nullptr ? nullptr : TlsSocketBio::create(*this);
  if (bio == nullptr) {
    throw std::bad_alloc();
  }
  SSL_set_bio(tls_.get(), bio, bio);
}

Transfer::Then TlsChannel::thenAfter(int result) {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return kWait;
    case SSL_ERROR_ZERO_RETURN:
      return kEnd;
    default:
      broken_ = true;
      return kBroken;
  }
}

Transfer::Then TlsChannel::handshake() {
  ERR_clear_error();
  drained_ = false;
  const int result = SSL_do_handshake(tls_.get());
  if (result == 1) {
    established_ = true;
    return kMore;
  }
  return thenAfter(result);
}

Transfer TlsChannel::read(std::span<char> room) {
  drained_ = false;
  std::size_t got = 0;
  while (got < room.size() && !broken_) {
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(tls_.get(), room.data() + got, room.size() - got, &count);
    got += count;
    if (result == 1) {
      continue;  // that was one record
    }
    const Transfer::Then then = thenAfter(result);
    return {got, got == 0 || then == kWait ? then : kMore};  // an end is told alone
  }
  return {got, got == 0 && broken_ ? kBroken : kMore};
}

Transfer TlsChannel::write(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size() && !broken_) {
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_write_ex(tls_.get(), bytes.data() + sent, bytes.size() - sent, &count);
    sent += count;
    if (result == 1) {
      continue;
    }
    const Transfer::Then then = thenAfter(result);
    return {sent, sent == 0 || then == kWait ? then : kMore};
  }
  return {sent, sent == 0 && broken_ ? kBroken : kMore};
}

std::string TlsChannel::whyBroken() const {
  return distrusts() ? X509_verify_cert_error_string(SSL_get_verify_result(tls_.get())) : tlsErrorText();
}

bool TlsChannel::distrusts() const {
  return SSL_get_verify_mode(tls_.get()) != SSL_VERIFY_NONE && SSL_get_verify_result(tls_.get()) != X509_V_OK;
}

void TlsChannel::shutdown() {
  if (established_ && !broken_) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());  // says so if there is room for it
    broken_ = true;
  }
  SocketChannel::shutdown();
}

}  // namespace trefoil::net
