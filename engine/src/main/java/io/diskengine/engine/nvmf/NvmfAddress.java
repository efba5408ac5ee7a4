package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.BdevException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;

/**
 * Where a subsystem listens, as SPDK's {@code listen_address} (a transport id).
 *
 * @param traddr a numeric IPv4 or IPv6 address
 * @param trsvcid a TCP port in decimal
 */
public record NvmfAddress(String adrfam, String traddr, String trsvcid) {
  public static final String TRTYPE = "TCP";

  static NvmfAddress of(InetSocketAddress address) {
    InetAddress ip = address.getAddress();
    return new NvmfAddress(
        ip instanceof Inet6Address ? "IPv6" : "IPv4",
        ip.getHostAddress(),
        Integer.toString(address.getPort()));
  }

  boolean isIpv6() {
    return traddr.indexOf(':') >= 0;
  }

  /** EINVAL for anything but numbers: names are never looked up here. */
  InetSocketAddress socketAddress() throws BdevException {
    boolean numeric = isIpv6() || traddr.matches("\\d{1,3}(\\.\\d{1,3}){3}");
    if (!numeric || !trsvcid.matches("\\d{1,5}") || Integer.parseInt(trsvcid) > 0xffff) {
      throw new BdevException(
          BdevException.EINVAL, "not an IP address and port: " + traddr + " " + trsvcid);
    }
    try {
      return new InetSocketAddress(InetAddress.getByName(traddr), Integer.parseInt(trsvcid));
    } catch (UnknownHostException e) {
      throw new BdevException(BdevException.EINVAL, "not an IP address: " + traddr);
    }
  }
}
