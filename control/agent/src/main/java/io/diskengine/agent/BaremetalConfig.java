package io.diskengine.agent;

/** A baremetal node. Where vhost sockets are is a matter of the data plane ({@code -S}). */
public record BaremetalConfig(AgentConfig agent) {}
