package io.diskengine.engine.host;

import io.diskengine.engine.bdev.BdevException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.Map;

/** Where a controller is found; members as in SPDK's {@code trid}. Addresses are literals. */
public record TransportId(
    String trtype, String adrfam, String traddr, String trsvcid, String subnqn) {

  /** The address to connect to; EIO, as SPDK answers, when it is none. */
  public InetSocketAddress address() throws BdevException {
    return address(traddr, trsvcid);
  }

  /** A literal address and a port; names are not looked up, because that would block. */
  static InetSocketAddress address(String host, String service) throws BdevException {
    try {
      InetAddress ip = InetAddress.ofLiteral(host);
      int port = service.isEmpty() ? 0 : Integer.parseInt(service);
      return new InetSocketAddress(ip, port);
    } catch (IllegalArgumentException e) {
      throw new BdevException(
          BdevException.EIO, host + " port " + service + " is no literal address and port");
    }
  }

  /** {@code IPv4} or {@code IPv6} by the look of an address. */
  public static String adrfamOf(String traddr) {
    try {
      return InetAddress.ofLiteral(traddr) instanceof Inet4Address ? "IPv4" : "IPv6";
    } catch (IllegalArgumentException e) {
      return "IPv4";
    }
  }

  /** Members in SPDK's order. */
  public Map<String, Object> description() {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("trtype", trtype);
    members.put("adrfam", adrfam);
    members.put("traddr", traddr);
    members.put("trsvcid", trsvcid);
    members.put("subnqn", subnqn);
    return members;
  }

  @Override
  public String toString() {
    return traddr + ":" + trsvcid + " " + subnqn;
  }
}
