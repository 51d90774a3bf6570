/** Every code that an operator may meet, sorted, with what it means and what to do. docs/errors.md is checked against it. */
export const errorCatalogue = {
  ADDON_MISSING: {
    meaning: 'The native addon could not be loaded, so parts of hole punching and of the safety of bridges are missing.',
    help: 'Install ratatoskr anew with a C++ compiler at hand (npm rebuild ratatoskr), and see that RATATOSKR_NATIVE is not off.',
  },
  ADMIN_CLOSED: {
    meaning: 'The router closed the admin connection.',
    help: 'The agent reconnects by itself; if it goes on, look at the router’s own log.',
  },
  ADMIN_FORBIDDEN: {
    meaning: 'This user may not open the router’s admin socket.',
    help: 'Add the agent’s user to the socket’s group, then start the agent anew.',
  },
  ADMIN_REFUSED: {
    meaning: 'The router answered an admin request with an error.',
    help: 'The message is the router’s own; see its documentation of that request.',
  },
  ADMIN_REPLY_INVALID: {
    meaning: 'The admin socket answered something that is not a yggdrasil reply.',
    help: 'Check that --admin names yggdrasil’s AdminListen and not some other service.',
  },
  ADMIN_REPLY_TOO_LARGE: {
    meaning: 'A reply of the admin socket exceeded the size cap.',
    help: 'Check that --admin names yggdrasil’s AdminListen and not some other service.',
  },
  ADMIN_TIMEOUT: {
    meaning: 'The router did not answer an admin request in time.',
    help: 'The router may be overloaded or stopped; the agent reconnects by itself.',
  },
  ADMIN_UNREACHABLE: {
    meaning: 'The router’s admin socket cannot be reached.',
    help: 'Start yggdrasil, or name its AdminListen with --admin, and see that this user may open it.',
  },
  ADMIN_URI_INVALID: {
    meaning: 'An admin address cannot be used as written.',
    help: 'Write unix:///path/to.sock or tcp://host:port, as AdminListen in yggdrasil.conf has it.',
  },
  AGENT_STOPPED: {
    meaning: 'This agent is stopping.',
    help: 'Nothing to do.',
  },
  AGENT_UNREACHABLE: {
    meaning: 'No running agent answers at the control socket.',
    help: 'Start one with ratatoskr run, or name its runtime folder with --runtime-dir; the socket is open to the agent’s own user and root.',
  },
  ALREADY_PEERED: {
    meaning: 'The router is peered with this peer directly, without our doing.',
    help: 'Nothing to do; there is nothing to gain from a bridge.',
  },
  ALREADY_RUNNING: {
    meaning: 'Another agent already serves this router from the same runtime folder.',
    help: 'Stop it first, or give this one another --runtime-dir and --admin.',
  },
  ATTEMPTS_EXCEEDED: {
    meaning: 'The peer offered more attempts at once than the cap.',
    help: 'Update ratatoskr at the peer.',
  },
  ATTEMPT_ABORTED: {
    meaning: 'The attempt was called off, because another one won or the peer went away.',
    help: 'Nothing to do.',
  },
  ATTEMPT_DUPLICATE: {
    meaning: 'The peer offered an attempt whose id is in use.',
    help: 'Update ratatoskr at the peer.',
  },
  ATTEMPT_FLOODED: {
    meaning: 'A strategy exchanged more or larger messages with the peer than an attempt may.',
    help: 'Update the strategy’s plugin at both ends, or report it to its author.',
  },
  BELOW_THRESHOLD: {
    meaning: 'The session has less traffic than sessions.minTraffic asks for.',
    help: 'Lower sessions.minTraffic if the peer should be bridged.',
  },
  CANDIDATES_INVALID: {
    meaning: 'The peer sent candidates that are not valid.',
    help: 'Update ratatoskr at the peer.',
  },
  CLOCK_WRONG: {
    meaning:
      'This machine’s clock differs from those of its peers, which TURN credentials with a time limit and certificates suffer from.',
    help: 'Set the clock and keep it by NTP (timedatectl set-ntp true, or chrony); if the peer’s is wrong, do so there.',
  },
  CONFIG_INVALID: {
    meaning: 'The configuration has keys or values that cannot be used; each is named with its line and what is allowed.',
    help: 'Correct what is named. `ratatoskr config` prints every key with its default.',
  },
  CONFIG_SYNTAX: {
    meaning: 'The configuration is not HJSON.',
    help: 'Correct the line that is named; `ratatoskr config` prints an example.',
  },
  CONFIG_UNREADABLE: {
    meaning: 'The configuration file cannot be read.',
    help: 'See that the file is there and that this user may read it.',
  },
  CONTROL_FORBIDDEN: {
    meaning: 'Only the agent’s own user and root may change what it does; others may read.',
    help: 'Run the command as the agent’s user or as root.',
  },
  CONTROL_REFUSED: {
    meaning: 'The agent could not answer a question of the command line.',
    help: 'The message says what it lacks.',
  },
  COORDINATOR_KEY_WRONG: {
    meaning:
      'The invite to the coordinator of routes was made out to another router, so the coordinator knows nothing of this one.',
    help: 'Have its operator run ratatoskr coordinator invite with the key that ratatoskr status --json shows as router.key, and name that URI in relay.routes.coordinator.',
  },
  COORDINATOR_LISTEN_FAILED: {
    meaning: 'The coordinator cannot listen on its port.',
    help: 'Choose another port with --listen, or stop the program that has it.',
  },
  COORDINATOR_UNREACHABLE: {
    meaning:
      'The coordinator of routes does not answer. Paths keep the routes that it told last; where it told none, the two ends measure for themselves.',
    help: 'See that it runs, that its TCP port is open, and that its invite (relay.routes.coordinator) is not revoked. The agent tries again by itself.',
  },
  DISCOVERY_FAILED: {
    meaning: 'A discovery source cannot look for peers; its reason is in the message.',
    help: 'Check the options of the source; it tries again by itself.',
  },
  DISCOVERY_OPTIONS_INVALID: {
    meaning: 'A discovery source’s options in the configuration are not what it takes.',
    help: 'Correct the options that the message names.',
  },
  DISCOVERY_UNKNOWN: {
    meaning: 'The configuration names a discovery source that this agent does not have.',
    help: 'See the names in docs/configuration.md; third-party sources are npm packages.',
  },
  DOUBLE_RANDOM_NAT: {
    meaning: 'The NATs of both ends take ports that nobody can foresee, so no hole can be punched between them.',
    help: 'Forward a port at one end or enable UPnP, NAT-PMP or PCP on its gateway; otherwise a relay serves.',
  },
  FIREWALL_BLOCKS_SIGNALLING: {
    meaning: 'A packet filter keeps other agents’ connections from the signalling port of the overlay address.',
    help: 'Let TCP port 4702 in on the overlay interface.',
  },
  GATEWAY_MISSING: {
    meaning: 'This machine has no default gateway that could be found.',
    help: 'Check the network connection and the default route; other strategies may work.',
  },
  GATEWAY_STALLS: {
    meaning: 'The gateway announces UPnP, but does not answer requests there.',
    help: 'Restart the gateway or update its firmware; or switch UPnP off there, so that nothing waits for it, and forward a port by hand.',
  },
  HTTP_HOST_REFUSED: {
    meaning:
      'A browser asked the status page under a name that is not this agent’s; a foreign page may have given its own name this address.',
    help: 'Ask by address or as localhost, or add the name to http.names.',
  },
  HTTP_ORIGIN_REFUSED: {
    meaning: 'A page of another site asked this agent over HTTP.',
    help: 'Open the agent’s own page; a reverse proxy has to pass the Host header on as the browser sent it.',
  },
  HTTP_TOKEN_MISSING: {
    meaning: 'A request over HTTP would have changed something and did not have the token.',
    help: 'Send "Authorization: Bearer TOKEN" with the text of http.token in the agent’s runtime folder, or use the command line.',
  },
  INTERNET_MISSING: {
    meaning: 'This machine has no way to the internet.',
    help: 'Check the network connection and the default route.',
  },
  JOURNAL_UNWRITABLE: {
    meaning: 'The journal of what the agent added to the router or the gateway cannot be written, so nothing is added.',
    help: 'See that the state directory exists, belongs to the agent’s user and has free space.',
  },
  LINK_CLOSED: {
    meaning: 'The router closed its link to a peer.',
    help: 'Nothing to do unless it goes on; the router’s own log says why.',
  },
  LINK_MALFORMED: {
    meaning: 'What went over a bridge is not what two yggdrasil routers say to each other.',
    help: 'Update ratatoskr and yggdrasil at both ends; report it if it goes on.',
  },
  MAPPED_UNREACHABLE: {
    meaning: 'No connection came up in time at the peer’s mapped or public addresses.',
    help: 'A firewall in front of the mapping may be in the way; another strategy may work.',
  },
  MAPPING_CONFLICT: {
    meaning: 'The gateway’s external port leads to another machine.',
    help: 'Nothing to do; the agent asks for other ports.',
  },
  MAPPING_REFUSED: {
    meaning: 'The gateway refused a port mapping; its reason is in the message.',
    help: 'Allow PCP, NAT-PMP or UPnP for this machine in the gateway’s settings.',
  },
  MAPPING_TIMEOUT: {
    meaning: 'The gateway did not answer a request about port mappings in time.',
    help: 'Switch on PCP, NAT-PMP or UPnP in the gateway’s settings.',
  },
  MAPPING_UNSUPPORTED: {
    meaning: 'The gateway offers no port mapping that the agent can use.',
    help: 'Switch on PCP, NAT-PMP or UPnP in the gateway’s settings.',
  },
  NAT_RANDOM_PORTS: {
    meaning:
      'The NAT takes a random port for each destination, so that peers behind another such NAT can be reached by a relay alone.',
    help: 'Enable PCP, NAT-PMP or UPnP on the gateway or forward a port; or name a TURN server with --turn.',
  },
  NAT_STACKED: {
    meaning: 'The gateway is itself behind a NAT, so a mapping on it leads nowhere.',
    help: 'Put the gateway into bridge mode, or ask the provider for a public address; other strategies may work.',
  },
  NOT_CONTROLLED: {
    meaning: 'The other end offered an attempt although this end controls.',
    help: 'Update ratatoskr at the peer.',
  },
  NO_CANDIDATES: {
    meaning: 'There was no address to try.',
    help: 'Name STUN servers that answer over TCP with --stun, or check the internet connection.',
  },
  NO_COMMON_CARRIER: {
    meaning: 'The two ends of a UDP path enable no carrier that both could use.',
    help: 'Enable udx at both ends, or quic at both with a listener at one, or tunnel at both where both systems allow it.',
  },
  NO_COMMON_STRATEGY: {
    meaning: 'The two ends have no strategy in common.',
    help: 'Enable one strategy at both ends.',
  },
  NO_MAPPING: {
    meaning: 'Neither end has a public address or a gateway that maps a port; the reasons of both are in the message.',
    help: 'Switch on PCP, NAT-PMP or UPnP at one end’s gateway; other strategies may work.',
  },
  OVERLAY_ADDRESS_MISSING: {
    meaning: 'The router’s overlay address is on no interface of this machine.',
    help: 'Give the router a TUN (IfName auto in its config) and run the agent on the same machine.',
  },
  OVERLAY_MTU: {
    meaning: 'The overlay interface has an MTU that IPv6 cannot live with.',
    help: 'Remove IfMTU from yggdrasil.conf, or set it to 1280 or more, and restart the router.',
  },
  PATH_CLOSED: {
    meaning: 'The path to the peer ended.',
    help: 'Nothing to do; traffic is back on the overlay and the agent tries again.',
  },
  PATH_SILENT: {
    meaning: 'Nothing comes from the other agent on a path any more.',
    help: 'Nothing to do; traffic is back on the overlay and the agent tries again.',
  },
  PATH_SLOWER: {
    meaning: 'The path is slower than the overlay route it would replace.',
    help: 'Nothing to do; set bridge.evenIfSlower to use it all the same.',
  },
  PATH_SUPERSEDED: {
    meaning: 'Another connection of the same attempt was chosen.',
    help: 'Nothing to do.',
  },
  PEER_BUSY: {
    meaning: 'An agent does not take attempts at the moment: it serves as many peers as it may, or was offered too many.',
    help: 'Nothing to do; the agent tries again by itself.',
  },
  PEER_ENDED: {
    meaning: 'The peer gave an attempt up, or took a bridge down; its reason is in the message.',
    help: 'Look at the peer’s log for the cause.',
  },
  PEER_LEFT: {
    meaning: 'The peer’s agent stopped, or no longer wants a bridge.',
    help: 'Nothing to do; the agent meets it again when it is back.',
  },
  PEER_NOT_OURS: {
    meaning: 'The agent was about to remove a peering that it had not added, and did not.',
    help: 'Nothing to do for the operator; it is worth a bug report.',
  },
  PEER_REFUSED: {
    meaning: 'The peer’s agent did not take the attempt; its reason is in the message.',
    help: 'Enable the strategy at both ends, and see the peer’s allow and deny lists.',
  },
  PEER_UNKNOWN: {
    meaning: 'The agent has not had to do with this peer.',
    help: 'Send it something over the overlay, a ping for instance, or give its public key.',
  },
  PEER_URI_INVALID: {
    meaning: 'A peer URI is not in the form that the router would list it under.',
    help: 'Percent-encode the path; without the agent’s own doing it is worth a bug report.',
  },
  PLUGIN_API_VERSION: {
    meaning: 'A plugin is made for another version of the contract for plugins of its kind.',
    help: 'Install a version of the plugin that is made for this agent, or update the older of the two.',
  },
  PLUGIN_CREATE_FAILED: {
    meaning: 'A plugin threw an error when it was to make its strategy or discovery source.',
    help: 'Report it to the plugin’s author, or leave the plugin out of the configuration.',
  },
  PLUGIN_FOLDER_NOT_EMPTY: {
    meaning: 'There is something already where a new plugin was to be written, and nothing is overwritten.',
    help: 'Name another folder with --dir, or empty this one.',
  },
  PLUGIN_INVALID: {
    meaning: 'What a name in strategies or discovery leads to is no plugin of that kind, or a broken one.',
    help: 'Check the name in the configuration; authors of plugins find what is expected in docs/plugins.md.',
  },
  PLUGIN_LOAD_FAILED: {
    meaning: 'A plugin’s module cannot be run; its reason is in the message.',
    help: 'Install its dependencies with npm install where the plugin is, or report it to the plugin’s author.',
  },
  PLUGIN_LOAD_TIMEOUT: {
    meaning: 'A plugin’s module did not finish loading in time.',
    help: 'Report it to the plugin’s author, or leave the plugin out of the configuration.',
  },
  PLUGIN_MISBEHAVED: {
    meaning: 'What a plugin brings broke the contract: it hung, or answered with something else than it should.',
    help: 'Report it to the plugin’s author; what else the agent uses is not affected.',
  },
  PLUGIN_NAME_TAKEN: {
    meaning: 'A plugin’s strategy or discovery source has the name of a built-in one or of an earlier plugin’s.',
    help: 'Leave one of the two out of the configuration.',
  },
  PLUGIN_NOT_FOUND: {
    meaning: 'A plugin that the configuration names is not installed.',
    help: 'Install it with npm in the folder of the configuration file.',
  },
  PROBES_SPENT: {
    meaning: 'Attempts to meet this peer by chance have sent as many datagrams as they may for now.',
    help: 'Wait some minutes; if it happens again, forward a UDP port at either end, or use a relay.',
  },
  PROOF_FAILED: {
    meaning: 'Whoever is at the other end of a candidate connection does not know the attempt’s secret.',
    help: 'Nothing to do; it was dropped and the attempt went on.',
  },
  PUNCH_TIMEOUT: {
    meaning: 'No connection came up in time at any of the peer’s addresses.',
    help: 'A NAT with random ports or a firewall at either end may be in the way; another strategy may work.',
  },
  RELAY_BYTES_SPENT: {
    meaning: 'A relay has carried as many bytes today as it grants, to this peer or to all.',
    help: 'Use another relay, or raise relay.volunteer.bytesPerDay and bytesPerDayPerPeer at the relay.',
  },
  RELAY_DISABLED: {
    meaning: 'Relays are switched off at this end with relay.use.',
    help: 'Nothing to do, or set relay.use to faster or always.',
  },
  RELAY_EXPIRED: {
    meaning: 'A reservation at a relay was not refreshed in time.',
    help: 'Nothing to do; the agent reserves another place.',
  },
  RELAY_FULL: {
    meaning: 'A relay has as many circuits as it grants.',
    help: 'Use another relay, or raise relay.volunteer.maxCircuits at the relay.',
  },
  RELAY_LISTEN_FAILED: {
    meaning: 'The relay of this agent cannot listen on its port.',
    help: 'Choose another relay.volunteer.port (or --listen), or stop the program that has it.',
  },
  RELAY_LOST: {
    meaning: 'The connection to a relay ended, or a place there was given back.',
    help: 'Nothing to do; the agent tries again by itself.',
  },
  RELAY_MESSAGE_INVALID: {
    meaning: 'The peer sent a message about relays that is not valid.',
    help: 'Update ratatoskr at the peer.',
  },
  RELAY_NONE: {
    meaning: 'Neither end has a relay that answers.',
    help: 'Name a TURN server with --turn at one end, and see that it can be reached over TCP.',
  },
  RELAY_NOT_ALLOWED: {
    meaning: 'A relay does not serve this peer.',
    help: 'Ask its operator to add this node to relay.volunteer.allow, or use another relay.',
  },
  RELAY_PLACE_MISSING: {
    meaning: 'Nobody on the internet would find this relay: the machine has no public address of its own, and none was named.',
    help: 'Say where agents reach it, with --advertise HOST:PORT or relay.volunteer.advertise.',
  },
  RELAY_PLACE_TAKEN: {
    meaning: 'The place at a relay has a circuit already.',
    help: 'Nothing to do; the agent tries again by itself.',
  },
  RELAY_PLACE_UNKNOWN: {
    meaning: 'The place at a relay is gone, or there never was one.',
    help: 'Nothing to do; the agent tries again by itself.',
  },
  RELAY_QUOTA_REACHED: {
    meaning: 'A relay grants this peer no more circuits.',
    help: 'Use another relay, or raise relay.volunteer.maxCircuitsPerPeer at the relay.',
  },
  RELAY_REFUSED: {
    meaning: 'A relay refused for a reason that this version does not know.',
    help: 'Update ratatoskr here; the message has the relay’s own words.',
  },
  RELAY_ROUTE_KEPT: {
    meaning: 'The relays were measured anew, and the path that is in use is still as short as any, or nearly.',
    help: 'Nothing to do.',
  },
  RELAY_ROUTE_NONE: {
    meaning:
      'The configuration wants no relay for this peer: the mode of relay.routes is static, and no entry of nextHops fits, or the one that does is empty.',
    help: 'Nothing to do, or name a relay for the peer in relay.routes.nextHops.',
  },
  RELAY_ROUTE_UNREACHABLE: {
    meaning:
      'The relays that the configuration of an end names as next hops are not reached by both ends, or are two in a row that no end can join. Others are not tried in their place.',
    help: 'See that the relay runs and that one end has leave to use it (relay.servers, relay.turn or a volunteer), or name another in relay.routes.nextHops.',
  },
  RELAY_SECRET_UNUSABLE: {
    meaning: 'The file that the relay derives its invites from can be neither read nor made.',
    help: 'Choose a --state-dir that is the relay’s own, or mend the file’s permissions. Without the file all invites are void.',
  },
  RELAY_TIMEOUT: {
    meaning: 'The two ends did not meet at a relay in time.',
    help: 'See that the end that connects reaches ports 49152 to 65535 of the relay, over TCP, or over UDP where it relays datagrams.',
  },
  RELAY_TIME_SPENT: {
    meaning:
      'A circuit has lasted as long as its relay grants, or the circuits of this peer, or all, as long as they may in a day.',
    help: 'After one long circuit the agent reserves another place. Otherwise use another relay, or raise relay.volunteer.maxDuration, timePerDay and timePerDayPerPeer at the relay.',
  },
  RELAY_UNREACHABLE: {
    meaning: 'A relay cannot be reached, does not answer or went away.',
    help: 'See that it runs and that this machine reaches it over TCP; at a volunteer, that relay.volunteer.port is open.',
  },
  RELIABLE_UDP_MISSING: {
    meaning: 'This system has no reliability layer to make a stream of UDP datagrams with.',
    help: 'Install the optional package udx-native if it has a build for this system, or leave udp-hole-punching out and name a TURN server that relays TCP.',
  },
  ROUTER_DID_NOT_DIAL: {
    meaning: 'The router did not connect to the socket it was given.',
    help: 'See that the router’s user may reach the runtime folder (runtimeDir), or set bridge.socket to tcp.',
  },
  ROUTER_ISOLATED: {
    meaning: 'The router is peered with nobody, so that no agent can be met over the overlay.',
    help: 'Add Peers to yggdrasil.conf, and see that the internet can be reached.',
  },
  ROUTER_LINK_FAILED: {
    meaning: 'The two routers did not agree on a link over the bridge.',
    help: 'See the routers’ logs; both must be 0.5.13 or newer.',
  },
  ROUTER_LOST: {
    meaning: 'The router went away, and the bridges with it.',
    help: 'Nothing to do; the agent goes on when the router is back.',
  },
  ROUTER_TOO_OLD: {
    meaning: 'The router is a version of yggdrasil that the agent cannot serve.',
    help: 'Install yggdrasil 0.5.13 or newer and restart it; the agent notices by itself.',
  },
  RUNTIME_DIR_UNUSABLE: {
    meaning: 'The runtime folder cannot be made or written.',
    help: 'Choose a folder that this user owns with --runtime-dir.',
  },
  SEALING_FAILED: {
    meaning: 'A path could not be sealed: the other end does not know the attempt’s secret, or the connection broke.',
    help: 'Nothing to do; the agent tries again by itself. If it goes on, another program answers on that path.',
  },
  SERVICE_MANAGER_UNTOLD: {
    meaning: 'The service manager waits to hear from the agent, and cannot be told.',
    help: 'Install the native addon, or set Type=exec and no WatchdogSec= in the unit.',
  },
  SESSION_ENDED: {
    meaning: 'The router’s session with the peer ended, so its bridge is no longer needed.',
    help: 'Nothing to do; the bridge returns with the next traffic.',
  },
  SIGNALLING_CLOSED: {
    meaning: 'The connection to the peer’s agent ended.',
    help: 'Nothing to do; the agent meets it again while there is a session.',
  },
  SIGNALLING_IDENTITY: {
    meaning: 'A remote claimed a key that its overlay address does not derive from.',
    help: 'Nothing to do; it was turned away. Deny its address if it goes on.',
  },
  SIGNALLING_MALFORMED: {
    meaning: 'A remote sent something that is not the signalling protocol.',
    help: 'If it is one of your nodes, update its agent; otherwise deny its address.',
  },
  SIGNALLING_NOT_ALLOWED: {
    meaning: 'A remote is not permitted by the allow and deny lists.',
    help: 'Add its key or address to allow if it should be.',
  },
  SIGNALLING_PORT_TAKEN: {
    meaning: 'Another program listens on the signalling port of the overlay address.',
    help: 'Stop the other program or agent, or choose another signalling.port at every agent.',
  },
  SIGNALLING_STALLED: {
    meaning: 'A remote does not read what it is sent.',
    help: 'Nothing to do; the agent meets it again later.',
  },
  SIGNALLING_TIMEOUT: {
    meaning: 'The peer’s agent did not answer in time.',
    help: 'Check the overlay’s connectivity with ping; the agent tries again by itself.',
  },
  SIGNALLING_TOO_FAST: {
    meaning: 'A remote sent more messages than the rate allows.',
    help: 'If it is one of your nodes, update its agent; otherwise deny its address.',
  },
  SIGNALLING_TOO_LARGE: {
    meaning: 'A signalling message exceeded the size cap.',
    help: 'If it is one of your nodes, update its agent; otherwise deny its address.',
  },
  SIGNALLING_TOO_MANY: {
    meaning: 'A remote, or all together, opened more signalling connections than the cap.',
    help: 'Raise signalling.maxPeers if these are peers you want; otherwise deny the address.',
  },
  SIGNALLING_UNREACHABLE: {
    meaning: 'The peer’s agent cannot be reached over the overlay.',
    help: 'Run ratatoskr at the peer too, and open TCP port 4702 on its overlay interface.',
  },
  SIGNALLING_VERSION: {
    meaning: 'The peer speaks another version of the signalling protocol.',
    help: 'Update ratatoskr at the older end.',
  },
  SOCKETS_REFUSED: {
    meaning: 'The system does not give a strategy the sockets that it needs; its reason is in the message.',
    help: 'See the limit of open files and what the sandbox of the service permits.',
  },
  STRATEGIES_EXHAUSTED: {
    meaning: 'No enabled strategy opened a path to the peer.',
    help: 'See the reason of each attempt; the agent tries again after a pause.',
  },
  STRATEGIES_UNUSABLE: {
    meaning: 'None of the strategies in the configuration could be loaded.',
    help: 'See the reason of each; add a built-in one, such as tcp-hole-punching.',
  },
  STRATEGY_DISABLED: {
    meaning: 'The strategy is not enabled at the end that was asked.',
    help: 'Enable the strategy at both ends, or leave it out here.',
  },
  STRATEGY_FAILED: {
    meaning: 'A strategy failed in a way its author did not foresee.',
    help: 'Report it to the strategy’s author with the debug log.',
  },
  STRATEGY_NO_PATH: {
    meaning: 'A strategy found no path to the peer; its reason is in the message.',
    help: 'See the documentation of the strategy; another one may work.',
  },
  STRATEGY_OPTIONS_INVALID: {
    meaning: 'A strategy’s options in the configuration are not what it takes.',
    help: 'Correct the options that the message names.',
  },
  STRATEGY_UNKNOWN: {
    meaning: 'The configuration names a strategy that this agent does not have.',
    help: 'See the names in docs/configuration.md; third-party strategies are npm packages.',
  },
  STUN_ALTERNATE_UNUSABLE: {
    meaning: 'The two places where the STUN responder is to answer do not fit together.',
    help: 'Name two addresses of this machine and two ports: --listen 192.0.2.1:3478 --alternate 192.0.2.2:3479.',
  },
  STUN_CONTRADICTED: {
    meaning: 'A STUN server contradicts the others about where this machine is.',
    help: 'Take the server out of stun, and name others; three or more show who is wrong.',
  },
  STUN_LISTEN_FAILED: {
    meaning: 'The STUN responder cannot listen where it was told to.',
    help: 'Of ratatoskr stun, name an address of this machine with --listen, and a port of 1024 or more unless it runs as root. Of an agent, name another stunResponder.port.',
  },
  STUN_PORT_TAKEN: {
    meaning: 'Another program uses the port that the STUN responder was to answer on.',
    help: 'Stop the other program, or name another port: with --listen, or stunResponder.port in the configuration of an agent.',
  },
  STUN_UNREACHABLE: {
    meaning: 'No STUN server answers, so that this machine does not learn its place on the internet.',
    help: 'Check the internet connection and the firewall of this network, or name other servers with --stun.',
  },
  TUNNEL_FAILED: {
    meaning: 'The two ends agreed on a tunnel as the carrier of a UDP path, and it did not come up.',
    help: 'The next attempts with this peer use another carrier; leave tunnel out of carriers if it happens often.',
  },
  TURN_ALLOCATION_LOST: {
    meaning: 'The TURN server no longer knows an allocation, or it was given back.',
    help: 'Nothing to do; the agent makes a new one with its next try.',
  },
  TURN_CERTIFICATE: {
    meaning: 'The certificate of a TURN server is not one that is trusted for its name.',
    help: 'Correct the host in its URI, or name the certificates to trust with ca in its entry of relay.turn.',
  },
  TURN_CONNECT_FAILED: {
    meaning: 'A TURN server could not connect to an address, or has done so already.',
    help: 'Nothing to do; the agent tries again by itself.',
  },
  TURN_FORBIDDEN: {
    meaning: 'A TURN server may not relay to or from an address of the peer.',
    help: 'See its denied-peer-ip and allowed-peer-ip, or ask its operator.',
  },
  TURN_FULL: {
    meaning: 'A TURN server has no relayed address left.',
    help: 'Nothing to do, the next server is tried; its operator may widen min-port to max-port.',
  },
  TURN_NO_TCP_RELAY: {
    meaning: 'A TURN server does not relay TCP (RFC 6062), and nothing here makes a stream of the datagrams that it would relay.',
    help: 'Install the optional package udx-native, allow TCP at the server (coturn: no no-tcp-relay), or name another one.',
  },
  TURN_QUOTA_REACHED: {
    meaning: 'A TURN server lets this user have no more allocations.',
    help: 'Raise its user-quota and total-quota, or use another server.',
  },
  TURN_REDIRECTED: {
    meaning: 'A TURN server sends its clients to another one, where the agent does not go or was sent on again.',
    help: 'Name the other server itself in relay.turn.',
  },
  TURN_REFUSED: {
    meaning: 'A TURN server answered with an error that has no meaning here.',
    help: 'Look the number up in the server’s log.',
  },
  TURN_SECRET_MISSING: {
    meaning: 'There is no secret for a TURN server, or its file cannot be read.',
    help: 'Write it into the URI, name its file with secretFile, or set RATATOSKR_TURN_SECRET.',
  },
  TURN_UNAUTHORIZED: {
    meaning: 'A TURN server does not take the user and secret.',
    help: 'Correct them; for a shared secret with a time limit set auth to shared-secret and see that both clocks are right.',
  },
  TURN_UNREACHABLE: {
    meaning: 'A TURN server cannot be reached, does not answer or went away.',
    help: 'See that it runs and that this machine reaches it over the transport that its URI names.',
  },
  UDP_BLOCKED: {
    meaning: 'UDP does not pass between one end and the internet.',
    help: 'Open outgoing UDP in the firewall of that end, or see that the STUN servers answer; TCP strategies may work.',
  },
} as const satisfies Record<string, { meaning: string; help: string }>;

export type ErrorCode = keyof typeof errorCatalogue;
