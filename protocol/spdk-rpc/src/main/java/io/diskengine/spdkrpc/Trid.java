package io.diskengine.spdkrpc;

import org.jspecify.annotations.Nullable;

/**
 * An NVMe transport id. As a listen address it has no {@code subnqn}; PCIe has only {@code trtype}
 * and {@code traddr}.
 *
 * @param trtype {@code TCP}, {@code RDMA}, {@code PCIe}
 * @param adrfam {@code IPv4} or {@code IPv6}
 * @param trsvcid the port, as text
 */
public record Trid(
    String trtype,
    @Nullable String adrfam,
    @Nullable String traddr,
    @Nullable String trsvcid,
    @Nullable String subnqn) {

  /** Address family by the look of the address. */
  public static Trid listen(String trtype, String traddr, int port) {
    String adrfam = traddr.indexOf(':') >= 0 ? "IPv6" : "IPv4";
    return new Trid(trtype, adrfam, traddr, Integer.toString(port), null);
  }

  public static Trid pcie(String pciAddress) {
    return new Trid("PCIe", null, pciAddress, null, null);
  }

  public Trid withSubnqn(@Nullable String nqn) {
    return new Trid(trtype, adrfam, traddr, trsvcid, nqn);
  }
}
