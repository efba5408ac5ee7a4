package io.diskengine.model;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a storage node listens for one transport. Text form {@code tcp:127.0.0.1:4420} or {@code
 * rdma:[fd00::1]:4420}.
 */
public record FabricAddress(Transport transport, String host, int port) {
  private static final String RULE =
      "must be tcp|rdma:<IPv4 address or [IPv6 address]>:<port 1-65535>, e.g. tcp:10.0.0.1:4420";
  private static final Pattern TEXT =
      Pattern.compile("(tcp|rdma):(?:\\[([0-9a-fA-F:.]+)]|([0-9.]+)):([0-9]{1,5})");
  private static final Pattern IPV4 =
      Pattern.compile("((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\\.(?!$)|$)){4}");

  public FabricAddress {
    if (port < 1 || port > 65535) {
      throw new InvalidInput("fabric address", host + " port " + port, RULE);
    }
  }

  /** The {@code adrfam} of SPDK's RPC. */
  public String addressFamily() {
    return host.indexOf(':') >= 0 ? "IPv6" : "IPv4";
  }

  public static FabricAddress parse(String text) {
    Matcher m = TEXT.matcher(text);
    if (!m.matches() || (m.group(3) != null && !IPV4.matcher(m.group(3)).matches())) {
      throw new InvalidInput("fabric address", text, RULE);
    }
    int port = Integer.parseInt(m.group(4));
    if (port < 1 || port > 65535) {
      throw new InvalidInput("fabric address", text, RULE);
    }
    Transport transport = m.group(1).equals("tcp") ? Transport.TCP : Transport.RDMA;
    return new FabricAddress(transport, m.group(2) != null ? m.group(2) : m.group(3), port);
  }

  @Override
  public String toString() {
    String scheme = transport == Transport.TCP ? "tcp:" : "rdma:";
    return scheme + (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
