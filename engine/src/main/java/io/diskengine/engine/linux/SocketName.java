package io.diskengine.engine.linux;

import io.diskengine.nvme.NativeMemory;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;

/** {@code struct sockaddr_in}, {@code sockaddr_in6} and {@code sockaddr_un} in native memory. */
public final class SocketName {
  /** Room for any of them. */
  public static final int BYTES = 112;

  /** Bytes of a Unix socket's path without its terminating zero (unix(7)). */
  public static final int UNIX_PATH_MAX_BYTES = 107;

  private SocketName() {}

  /** Writes the address and returns its length; a name that cannot be encoded is a caller's bug. */
  public static int encode(SocketAddress address, long at) {
    NativeMemory.zero(at, BYTES);
    return switch (address) {
      case InetSocketAddress inet when inet.getAddress() instanceof Inet4Address ip -> {
        NativeMemory.putShort(at, (short) SocketCalls.AF_INET);
        NativeMemory.putShortBe(at + 2, (short) inet.getPort());
        NativeMemory.copy(ip.getAddress(), 0, at + 4, 4);
        yield 16;
      }
      case InetSocketAddress inet when inet.getAddress() instanceof Inet6Address ip -> {
        NativeMemory.putShort(at, (short) SocketCalls.AF_INET6);
        NativeMemory.putShortBe(at + 2, (short) inet.getPort());
        NativeMemory.copy(ip.getAddress(), 0, at + 8, 16);
        NativeMemory.putInt(at + 24, ip.getScopeId());
        yield 28;
      }
      case UnixDomainSocketAddress unix -> {
        byte[] path = unix.getPath().toString().getBytes(StandardCharsets.UTF_8);
        if (path.length > UNIX_PATH_MAX_BYTES) {
          throw new IllegalArgumentException(
              "socket path of %d bytes, at most %d: %s"
                  .formatted(path.length, UNIX_PATH_MAX_BYTES, unix));
        }
        NativeMemory.putShort(at, (short) SocketCalls.AF_UNIX);
        NativeMemory.copy(path, 0, at + 2, path.length);
        yield 2 + path.length + 1;
      }
      default -> throw new IllegalArgumentException("unresolved or unknown address " + address);
    };
  }

  /** The family to create a socket with that reaches {@code address}. */
  public static int family(SocketAddress address) {
    return switch (address) {
      case UnixDomainSocketAddress _ -> SocketCalls.AF_UNIX;
      case InetSocketAddress inet when inet.getAddress() instanceof Inet6Address ->
          SocketCalls.AF_INET6;
      default -> SocketCalls.AF_INET;
    };
  }

  /** Reads an Internet address. */
  public static InetSocketAddress decode(long at) {
    int family = NativeMemory.getUnsignedShort(at);
    boolean v6 = family == SocketCalls.AF_INET6;
    if (!v6 && family != SocketCalls.AF_INET) {
      throw new IllegalArgumentException("not an Internet socket: address family " + family);
    }
    byte[] ip = NativeMemory.bytes(at + (v6 ? 8 : 4), v6 ? 16 : 4);
    int port = NativeMemory.getShortBe(at + 2) & 0xffff;
    try {
      int scope = v6 ? NativeMemory.getInt(at + 24) : 0;
      return new InetSocketAddress(
          scope == 0 ? InetAddress.getByAddress(ip) : Inet6Address.getByAddress(null, ip, scope),
          port);
    } catch (UnknownHostException e) {
      throw new AssertionError("an address of " + ip.length + " bytes", e);
    }
  }
}
